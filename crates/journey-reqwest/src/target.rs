//! Attributes of a client span that the request itself tells.

use std::borrow::Cow;

use journey_trace::http::{Method, REDACTED, key, redact_query};
use opentelemetry::{KeyValue, Value};
use reqwest::{Request, Url};

use crate::template::UrlTemplate;

/// What a span can say when it starts.
pub(crate) struct Target {
    pub(crate) name: Cow<'static, str>,
    pub(crate) attributes: Vec<KeyValue>,
}

impl Target {
    /// Name only, for a trace that is not sampled.
    pub(crate) fn bare(request: &Request) -> Self {
        Self { name: Method::of(request.method().as_str()).span_name().into(), attributes: Vec::new() }
    }

    /// All of it. `resends` is 0 for the first attempt.
    pub(crate) fn of(request: &Request, template: Option<UrlTemplate>, resends: u32) -> Self {
        let method = Method::of(request.method().as_str());
        let url = request.url();
        let mut attributes = Vec::with_capacity(ATTRIBUTES_MAX);
        let mut put = |key: &'static str, value: Value| attributes.push(KeyValue::new(key, value));

        put(key::HTTP_REQUEST_METHOD, method.attribute().into());
        if method == Method::Other {
            put(key::HTTP_REQUEST_METHOD_ORIGINAL, request.method().as_str().to_owned().into());
        }
        put(key::URL_FULL, redacted(url).into());
        put(key::SERVER_ADDRESS, host(url).to_owned().into());
        if let Some(port) = url.port_or_known_default() {
            put(key::SERVER_PORT, i64::from(port).into());
        }
        if let Some(UrlTemplate(template)) = template {
            put(key::URL_TEMPLATE, template.into());
        }
        if resends > 0 {
            put(key::HTTP_REQUEST_RESEND_COUNT, i64::from(resends).into());
        }
        Self { name: name(method, template), attributes }
    }
}

fn name(method: Method, template: Option<UrlTemplate>) -> Cow<'static, str> {
    match template {
        Some(UrlTemplate(template)) => format!("{} {template}", method.span_name()).into(),
        None => method.span_name().into(),
    }
}

/// The host without the brackets of an IPv6 address.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// The URL without credentials and values: userinfo becomes `REDACTED:REDACTED`, each value of the query `REDACTED`.
/// The fragment, which is never sent, may be a token and is left out.
fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Fails for URLs without a host only, which have no userinfo.
        let _ = url.set_username(REDACTED);
        let _ = url.set_password(Some(REDACTED));
    }
    url.set_query(url.query().map(redact_query).as_deref());
    url.set_fragment(None);
    url.into()
}

/// Most attributes of one client span: 7 of the request, 5 of the response, 5 of the journey.
const ATTRIBUTES_MAX: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: URLs with and without userinfo, query and fragment.
    /// Guarantees: none of these shows a value, everything else is as it was.
    #[test]
    fn urls_are_redacted() {
        for (url, expected) in [
            ("http://a/x", "http://a/x"),
            ("http://a/x#token=S", "http://a/x"),
            ("http://u:p@a:1/x", "http://REDACTED:REDACTED@a:1/x"),
            ("http://u@a/", "http://REDACTED:REDACTED@a/"),
            ("http://a/?sig=S&q=1", "http://a/?sig=REDACTED&q=REDACTED"),
        ] {
            let url = Url::parse(url).expect("the table holds URLs");
            assert_eq!(redacted(&url), expected);
        }
    }

    /// Scenario: an IPv6 literal.
    /// Guarantees: the address has no brackets.
    #[test]
    fn host_has_no_brackets() {
        assert_eq!(host(&Url::parse("http://[::1]:80/").expect("a URL")), "::1");
    }
}
