//! Headers that a span shows, by an explicit list.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use journey_trace::http::REDACTED;
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::limits::{CAPTURED_HEADERS_MAX, CAPTURED_VALUE_BYTES_MAX, CAPTURED_VALUES_MAX, clipped};

/// What is captured of a request and of its response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Capture {
    pub(crate) request: CapturedHeaders,
    pub(crate) response: CapturedHeaders,
}

/// The listed headers of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CapturedHeaders(Vec<(HeaderName, Key)>);

/// Whether headers that carry credentials may be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    Refused,
    Shown,
}

impl CapturedHeaders {
    /// Adds headers to the list. What cannot be captured is left out with a warning: a mistake in a list must not
    /// keep a service from starting.
    pub(crate) fn add<'a>(
        &mut self,
        prefix: &str,
        names: impl IntoIterator<Item = &'a str>,
        credentials: Credentials,
    ) {
        for name in names {
            match self.check(name, credentials) {
                Ok(header) => {
                    let key = Key::from(format!("{prefix}.{header}"));
                    self.0.push((header, key));
                }
                Err(reason) => tracing::warn!(header = name, "the header is not captured: {reason}"),
            }
        }
    }

    /// Attributes of the listed headers that are there.
    pub(crate) fn attributes<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = KeyValue> + use<'a> {
        self.0.iter().filter_map(|(name, key)| {
            let values = headers.get_all(name).iter().take(CAPTURED_VALUES_MAX).map(shown);
            let values: Vec<StringValue> = values.collect();
            (!values.is_empty()).then(|| KeyValue::new(key.clone(), Value::Array(Array::String(values))))
        })
    }

    fn check(&self, name: &str, credentials: Credentials) -> Result<HeaderName, &'static str> {
        let header: HeaderName = name.parse().map_err(|_| "this is no name of a header")?;
        if credentials == Credentials::Refused && CREDENTIALS.contains(&header) {
            return Err("it carries credentials, and only an `unsafe_` call shows those");
        }
        if self.0.iter().any(|(listed, _)| *listed == header) {
            return Err("it is in the list already");
        }
        if self.0.len() >= CAPTURED_HEADERS_MAX {
            return Err("the list is full");
        }
        Ok(header)
    }
}

/// The value as text. A value that was marked as sensitive stays one, listed or not.
fn shown(value: &HeaderValue) -> StringValue {
    if value.is_sensitive() {
        return REDACTED.into();
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    clipped(&text, CAPTURED_VALUE_BYTES_MAX).to_owned().into()
}

/// Attribute prefix of captured request headers.
pub(crate) const REQUEST_PREFIX: &str = "http.request.header";

/// Attribute prefix of captured response headers.
pub(crate) const RESPONSE_PREFIX: &str = "http.response.header";

/// Headers whose values let others act as the user or the service.
const CREDENTIALS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::SET_COOKIE];

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str], credentials: Credentials) -> CapturedHeaders {
        let mut headers = CapturedHeaders::default();
        headers.add(REQUEST_PREFIX, names.iter().copied(), credentials);
        headers
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("the table holds values"));
        }
        headers
    }

    /// Scenario: good, repeated and impossible names, credentials in every case, and more names than the limit.
    /// Guarantees: the good ones are taken once, credentials only by the unsafe call, never more than the limit.
    #[test]
    fn a_list_takes_what_it_may() {
        let names = ["X-Tenant", "x-tenant", "not a name", "Cookie", "authorization", "Set-Cookie"];
        assert_eq!(listed(&names, Credentials::Refused).0.len(), 1);
        assert_eq!(listed(&names, Credentials::Shown).0.len(), 4);
        let many: Vec<String> = (0..100).map(|n| format!("x-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(listed(&many, Credentials::Refused).0.len(), CAPTURED_HEADERS_MAX);
    }

    /// Scenario: a header sent once, several times, too often, too long, not at all, and marked as sensitive.
    /// Guarantees: arrays of texts under lower-case keys, bounded; nothing for an absent one.
    #[test]
    fn values_are_arrays_and_bounded() {
        let list = listed(&["X-Tenant", "X-Long", "X-Many", "X-Absent", "X-Secret"], Credentials::Refused);
        let long = "x".repeat(2 * CAPTURED_VALUE_BYTES_MAX);
        let mut sent = headers(&[("x-tenant", "rings"), ("x-long", &long)]);
        for n in 0..2 * CAPTURED_VALUES_MAX {
            sent.append("x-many", n.into());
        }
        let mut secret = HeaderValue::from_static("SECRET");
        secret.set_sensitive(true);
        sent.insert("x-secret", secret);
        let shown: Vec<String> =
            list.attributes(&sent).map(|kv| format!("{} {}", kv.key, kv.value)).collect();
        let cut = &long[..CAPTURED_VALUE_BYTES_MAX];
        let expected = [
            "http.request.header.x-tenant [\"rings\"]".to_owned(),
            format!("http.request.header.x-long [\"{cut}\"]"),
            "http.request.header.x-many [\"0\",\"1\",\"2\",\"3\"]".to_owned(),
            "http.request.header.x-secret [\"REDACTED\"]".to_owned(),
        ];
        assert_eq!(shown, expected);
    }
}
