//! What a URL shows of itself in a span.

use journey_trace::http::{UrlParts, redacted_url};
use reqwest::Url;

/// The host without the brackets of an IPv6 address.
pub(crate) fn host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'))
}

/// The URL without credentials, values of its query and fragment.
pub(crate) fn redacted(url: &Url) -> String {
    if url.username().is_empty() && url.password().is_none() {
        return redacted_url(before_query(url), url.query());
    }
    let parts = UrlParts {
        scheme: url.scheme(),
        has_userinfo: true,
        host: url.host_str().unwrap_or_default(),
        port: url.port(),
        path: url.path(),
        query: url.query(),
    };
    parts.redacted()
}

fn before_query(url: &Url) -> &str {
    let with_mark = |part: Option<&str>| part.map_or(0, |part| part.len() + 1);
    let end = url.as_str().len() - with_mark(url.query()) - with_mark(url.fragment());
    &url.as_str()[..end]
}

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
            ("http://:p@[::1]:81/", "http://REDACTED:REDACTED@[::1]:81/"),
            ("https://a:443/?sig=S&q=1", "https://a/?sig=REDACTED&q=REDACTED"),
            ("http://a?", "http://a/?"),
        ] {
            let url = Url::parse(url).expect("the table holds URLs");
            assert_eq!(redacted(&url), expected);
        }
    }

    /// Scenario: an IPv6 literal.
    /// Guarantees: the address has no brackets.
    #[test]
    fn host_has_no_brackets() {
        assert_eq!(host(&Url::parse("http://[::1]:80/").expect("a URL")), Some("::1"));
    }
}
