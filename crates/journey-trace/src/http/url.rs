//! Full URLs without secrets.

use super::query::{REDACTED, push_redacted, redacted_bytes};

/// A URL that has no credentials, given up to its query and the query without `?`: without the query's values.
pub fn redacted_url(before_query: &str, query: Option<&str>) -> String {
    let Some(query) = query else { return before_query.to_owned() };
    // As long as it has to be: a span's attribute gives spare room back, which costs more than to count first.
    let mut url = String::with_capacity(before_query.len() + 1 + redacted_bytes(query));
    url.push_str(before_query);
    url.push('?');
    push_redacted(&mut url, query);
    url
}

/// The parts of an outgoing request's URL, as `url.full` shows them. A fragment is never sent, may be a token, and
/// has no place here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Whether there is a user name or a password.
    pub has_userinfo: bool,
    /// Name or address, an IPv6 address in its brackets.
    pub host: &'a str,
    /// Only if the URL says it.
    pub port: Option<u16>,
    /// Path with its leading slash.
    pub path: &'a str,
    /// Query without `?`.
    pub query: Option<&'a str>,
}

impl UrlParts<'_> {
    /// The URL without credentials and values: userinfo becomes `REDACTED:REDACTED`, each value of the query
    /// `REDACTED`, as [`super::redact_query`] does it.
    pub fn redacted(&self) -> String {
        let query_bytes = self.query.map_or(0, |query| 1 + redacted_bytes(query));
        let mut url = String::with_capacity(HEAD_BYTES + self.host.len() + self.path.len() + query_bytes);
        url.push_str(self.scheme);
        url.push_str("://");
        if self.has_userinfo {
            url.extend([REDACTED, ":", REDACTED, "@"]);
        }
        url.push_str(self.host);
        if let Some(port) = self.port {
            url.push(':');
            url.push_str(&port.to_string());
        }
        url.push_str(self.path);
        if let Some(query) = self.query {
            url.push('?');
            push_redacted(&mut url, query);
        }
        url
    }
}

/// Room for scheme, userinfo and port.
const HEAD_BYTES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: URLs with and without userinfo, port and query.
    /// Guarantees: no value is shown, everything else is as it was.
    #[test]
    fn urls_are_redacted() {
        let plain = UrlParts {
            scheme: "http",
            has_userinfo: false,
            host: "[::1]",
            port: None,
            path: "/x",
            query: None,
        };
        assert_eq!(plain.redacted(), "http://[::1]/x");
        let whole =
            UrlParts { has_userinfo: true, host: "a", port: Some(10_080), query: Some("sig=S&q=1"), ..plain };
        assert_eq!(whole.redacted(), "http://REDACTED:REDACTED@a:10080/x?sig=REDACTED&q=REDACTED");
        assert_eq!(redacted_url("http://a:1/x", Some("sig=S")), "http://a:1/x?sig=REDACTED");
        assert_eq!(redacted_url("http://a/x", None), "http://a/x");
        assert_eq!(UrlParts { port: Some(0), query: Some(""), ..plain }.redacted(), "http://[::1]:0/x?");
    }
}
