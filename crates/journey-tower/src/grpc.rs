//! What an HTTP span can say of a gRPC call.
//!
//! The path of a call is a template by nature, `/package.Service/Method`, but a caller may send any path. So it
//! names the span only once the service has answered it like a method it has: with a gRPC stream instead of a bare
//! status. Answers to such a path are named after it from then on, whatever they are.
//!
//! A call that failed is still an HTTP 200. The span's status and `error.type` follow `grpc-status`, by
//! [the rule for servers](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/): a code that blames the caller is no
//! error. Attributes of the RPC conventions are not written, the span is an HTTP span.

use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};

use crate::head::Head;

/// The path, if the request is a gRPC call by its looks.
pub(crate) fn call<'a>(head: &Head<'a>) -> Option<&'a str> {
    let path = head.uri.path();
    let is_call = *head.method == Method::POST && is_grpc(head.known.content_type()) && is_method(path);
    is_call.then_some(path)
}

/// Whether a method of the service answered with this gRPC response: with a stream, which a bare status is not.
pub(crate) fn was_handled(head: &Parts) -> bool {
    head.status == StatusCode::OK && status(&head.headers).is_none()
}

/// The status of a call, from the trailers or, if there is no body, from the headers.
pub(crate) fn status(fields: &HeaderMap) -> Option<u8> {
    fields.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

/// Whether the call's deadline passed.
pub(crate) fn is_timeout(status: u8) -> bool {
    status == DEADLINE_EXCEEDED
}

/// `error.type` of a status that is an error of the server.
pub(crate) fn error_type(status: u8) -> Option<&'static str> {
    Some(match status {
        2 => "UNKNOWN",
        DEADLINE_EXCEEDED => "DEADLINE_EXCEEDED",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        _ => return None,
    })
}

/// Whether content of this type is gRPC's.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    content_type.starts_with(b"application/grpc")
}

/// Two segments: a service and its method.
fn is_method(path: &str) -> bool {
    let segments = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    segments
        .is_some_and(|(service, method)| !service.is_empty() && !method.is_empty() && !method.contains('/'))
}

/// Field of the headers or trailers with the status of a call.
const GRPC_STATUS: &str = "grpc-status";

/// [Status code](https://grpc.io/docs/guides/status-codes/) of a deadline that passed.
const DEADLINE_EXCEEDED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: paths of calls and of other requests.
    /// Guarantees: only `/service/method` is a call.
    #[test]
    fn a_call_has_two_segments() {
        assert!(is_method("/grpc.health.v1.Health/Check"));
        for path in ["/", "/a", "/a/", "//b", "/a/b/c", "a/b"] {
            assert!(!is_method(path), "{path}");
        }
    }

    /// Scenario: each status code, and texts that are none.
    /// Guarantees: codes that blame the caller are no error.
    #[test]
    fn only_the_servers_faults_are_errors() {
        let errors: Vec<u8> = (0..=20).filter(|code| error_type(*code).is_some()).collect();
        assert_eq!(errors, [2, 4, 12, 13, 14, 15]);
        let mut trailers = HeaderMap::new();
        assert_eq!(status(&trailers), None);
        trailers.insert(GRPC_STATUS, "fine".parse().expect("a header value"));
        assert_eq!(status(&trailers), None);
        trailers.insert(GRPC_STATUS, 13.into());
        assert_eq!(status(&trailers), Some(13));
    }
}
