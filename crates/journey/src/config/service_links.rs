//! Variables that Kubernetes sets for each Service of the namespace, in every pod.
//!
//! Source: [Service environment variables](https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
//! A Service called `otel-collector` makes a dozen that begin with `OTEL_`. Nobody has set them, so nobody is warned.

/// Whether this is one of them.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || is_of_port(name)
}

/// `…_PORT_4317_TCP`, and `_PROTO`, `_PORT` or `_ADDR` after it.
fn is_of_port(name: &str) -> bool {
    let name = ["_PROTO", "_PORT", "_ADDR"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let number = ["_TCP", "_UDP", "_SCTP"].iter().find_map(|end| name.strip_suffix(end));
    let number = number.and_then(|name| name.rsplit_once("_PORT_")).map_or("", |(_, number)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
