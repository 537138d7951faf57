//! Where a request goes, and what its URL shows of itself in a span.

use std::borrow::Cow;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri, header};
use journey_trace::http::{UrlParts, redact_query};

/// The host of requests that name none themselves.
#[derive(Debug)]
pub(super) struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTP);
        uri.authority().map(|authority| Self { scheme, authority: authority.clone() })
    }
}

/// Scheme, host and port of one request.
pub(super) struct Target<'a> {
    scheme: &'a str,
    authority: Cow<'a, Authority>,
    /// Only the `Host` header says so, which may be one that came in with another request and is passed on.
    is_hearsay: bool,
}

impl<'a> Target<'a> {
    /// By the request itself, else by the origin of its client, else by its `Host` header.
    pub(super) fn of(uri: &'a Uri, headers: &HeaderMap, origin: Option<&'a Origin>) -> Option<Self> {
        if let Some(authority) = uri.authority() {
            let scheme = uri.scheme_str().unwrap_or("http");
            return Some(Self { scheme, authority: Cow::Borrowed(authority), is_hearsay: false });
        }
        if let Some(Origin { scheme, authority }) = origin {
            let (scheme, authority) = (scheme.as_str(), Cow::Borrowed(authority));
            return Some(Self { scheme, authority, is_hearsay: false });
        }
        let host = Authority::try_from(headers.get(header::HOST)?.as_bytes()).ok()?;
        Some(Self { scheme: "http", authority: Cow::Owned(host), is_hearsay: true })
    }

    /// The host as in a URL, if the request is certain to go there: it decides whether ids may leave.
    pub(super) fn certain_host(&self) -> Option<&str> {
        (!self.is_hearsay).then(|| self.host())
    }

    /// The host as in a URL.
    pub(super) fn host(&self) -> &str {
        self.authority.host()
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn address(&self) -> &str {
        self.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, or the scheme's own.
    pub(super) fn port(&self) -> u16 {
        let default = if self.scheme == "https" { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }
}

/// The full URL without credentials and values of its query; without a known host only path and query.
pub(super) fn redacted(target: Option<&Target<'_>>, uri: &Uri) -> String {
    let (path, query) = (uri.path(), uri.query());
    match target {
        Some(target) => UrlParts {
            scheme: target.scheme,
            has_userinfo: target.authority.as_str().contains('@'),
            host: target.host(),
            port: target.authority.port_u16(),
            path,
            query,
        }
        .redacted(),
        None => match query {
            Some(query) => [path, "?", &redact_query(query)].concat(),
            None => path.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(uri: &str, origin: Option<&str>, host: Option<&'static str>) -> (String, Option<(String, u16)>) {
        let parse = |uri: &str| uri.parse::<Uri>().expect("the case is a URI");
        let (uri, origin) = (parse(uri), origin.and_then(|origin| Origin::of(&parse(origin))));
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, HeaderValue::from_static(host));
        }
        let target = Target::of(&uri, &headers, origin.as_ref());
        let place = target.as_ref().map(|target| (target.address().to_owned(), target.port()));
        (redacted(target.as_ref(), &uri), place)
    }

    /// Scenario: requests that name their host, leave it to the client or to a header, or tell it nowhere.
    /// Guarantees: the nearest word counts, ports have their default, no secret is shown.
    #[test]
    fn the_place_of_a_request() {
        let at = |host: &str, port| Some((host.to_owned(), port));
        for (uri, origin, host, expected) in [
            ("https://crm/x", Some("http://mes:1"), Some("shop"), ("https://crm/x", at("crm", 443))),
            (
                "/pkg.Orders/Get",
                Some("http://mes:50051"),
                None,
                ("http://mes:50051/pkg.Orders/Get", at("mes", 50051)),
            ),
            ("/x?q=S", None, Some("[::1]:81"), ("http://[::1]:81/x?q=REDACTED", at("::1", 81))),
            ("http://u:p@crm/", None, None, ("http://REDACTED:REDACTED@crm/", at("crm", 80))),
            ("/x?q=S", Some("/no-host"), None, ("/x?q=REDACTED", None)),
            ("crm:443", None, None, ("http://crm:443", at("crm", 443))),
        ] {
            let got = check(uri, origin, host);
            assert_eq!((got.0.as_str(), got.1), expected, "{uri}");
        }
    }
}
