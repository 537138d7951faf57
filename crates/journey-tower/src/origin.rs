//! Where a request was sent to and where it came from, as far as the claims are believed.
//!
//! `Forwarded` and `X-Forwarded-*` are headers that anyone can write. They count only behind a trusted proxy, then only
//! the family that this proxy writes, and of that only the last element; all else may be the caller's invention.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;

use crate::head::Head;

/// Which headers a proxy tells the origin of a request with. A proxy passes the other family on as the caller wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedBy {
    /// `Forwarded` with `for`, `host` and `proto` ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)).
    Forwarded,
    /// `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`: what most proxies write.
    XForwarded,
}

impl ForwardedBy {
    /// Last element of what stands for this parameter of `Forwarded`.
    fn last<'a>(self, head: &Head<'a>, parameter: Parameter) -> Option<&'a str> {
        match self {
            Self::Forwarded => self::parameter(head.last_element("forwarded")?, parameter.name),
            Self::XForwarded => head.last_element(parameter.header),
        }
    }
}

/// A claim, as each family writes it.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    header: &'static str,
}

const FOR: Parameter = Parameter { name: "for", header: "x-forwarded-for" };
const HOST: Parameter = Parameter { name: "host", header: "x-forwarded-host" };
const PROTO: Parameter = Parameter { name: "proto", header: "x-forwarded-proto" };

/// Host and port a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    /// Name or address, an IPv6 address without its brackets.
    pub(crate) address: &'a str,
    /// Only if the client said it.
    pub(crate) port: Option<u16>,
}

/// Scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Value of `url.scheme`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What one request says about its origin.
pub(crate) struct Origin<'a> {
    pub(crate) scheme: Scheme,
    /// Host and port, as far as they are claimed; see [`host`].
    pub(crate) authority: Option<&'a str>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) peer: Option<SocketAddr>,
}

/// The scheme alone, which metrics want of requests that have no span too.
pub(crate) fn scheme(head: &Head<'_>, proxy: Option<ForwardedBy>) -> Scheme {
    let believed = proxy.and_then(|proxy| proxy.last(head, PROTO)).and_then(known_scheme);
    believed.unwrap_or_else(|| direct_scheme(head))
}

impl<'a> Origin<'a> {
    pub(crate) fn of(head: &Head<'a>, proxy: Option<ForwardedBy>) -> Self {
        let peer = peer(head);
        let direct = Self {
            scheme: direct_scheme(head),
            authority: head.uri.authority().map(Authority::as_str).or_else(|| head.known.host()),
            client: peer.map(|peer| peer.ip()),
            peer,
        };
        match proxy {
            Some(proxy) => direct.corrected_by(&Forwarded::of(head, proxy)),
            None => direct,
        }
    }

    fn corrected_by(self, forwarded: &Forwarded<'a>) -> Self {
        Self {
            scheme: forwarded.proto.and_then(known_scheme).unwrap_or(self.scheme),
            authority: forwarded.host.filter(|claim| host(claim).is_some()).or(self.authority),
            client: forwarded.client.and_then(client).or(self.client),
            peer: self.peer,
        }
    }
}

/// Last element of the proxy's headers.
struct Forwarded<'a> {
    proto: Option<&'a str>,
    host: Option<&'a str>,
    client: Option<&'a str>,
}

impl<'a> Forwarded<'a> {
    fn of(head: &Head<'a>, proxy: ForwardedBy) -> Self {
        let last = |parameter| proxy.last(head, parameter);
        Self { proto: last(PROTO), host: last(HOST), client: last(FOR) }
    }
}

/// One parameter of a `Forwarded` element (RFC 7239), without its quotes.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

fn direct_scheme(head: &Head<'_>) -> Scheme {
    head.uri.scheme_str().and_then(known_scheme).unwrap_or(Scheme::Http)
}

fn known_scheme(scheme: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https].into_iter().find(|known| scheme.eq_ignore_ascii_case(known.as_str()))
}

/// Splits `host:port`; the userinfo of an absolute URI is no part of the host.
pub(crate) fn host(authority: &str) -> Option<Host<'_>> {
    let authority = authority.rsplit('@').next()?;
    let (address, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (authority, None),
        },
    };
    (!address.is_empty()).then(|| Host { address, port: port.and_then(|port| port.parse().ok()) })
}

/// An address with or without a port. Names and `unknown` are no addresses.
fn client(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(feature = "axum")]
fn peer(head: &Head<'_>) -> Option<SocketAddr> {
    head.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|info| info.0)
}

/// Without axum nobody tells the layer about the connection.
#[cfg(not(feature = "axum"))]
fn peer(_head: &Head<'_>) -> Option<SocketAddr> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: authorities as browsers, proxies and attackers write them.
    /// Guarantees: address and port are told apart, an empty host is none.
    #[test]
    fn host_and_port() {
        for (authority, expected) in [
            ("shop", Some(("shop", None))),
            ("shop:8080", Some(("shop", Some(8080)))),
            ("[::1]:80", Some(("::1", Some(80)))),
            ("[::1]", Some(("::1", None))),
            ("user:secret@shop:1", Some(("shop", Some(1)))),
            ("shop:99999", Some(("shop", None))),
            (":80", None),
            ("", None),
        ] {
            let expected = expected.map(|(address, port)| Host { address, port });
            assert_eq!(host(authority), expected, "{authority}");
        }
    }

    /// Scenario: client nodes of `X-Forwarded-For` and `Forwarded`.
    /// Guarantees: a port is dropped, obfuscated nodes are no address.
    #[test]
    fn client_addresses() {
        for (node, expected) in [
            ("10.1.2.3", Some("10.1.2.3")),
            ("10.1.2.3:4711", Some("10.1.2.3")),
            ("[2001:db8::1]:4711", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("unknown", None),
            ("_hidden", None),
        ] {
            let expected = expected.map(|address| address.parse().expect("the table holds addresses"));
            assert_eq!(client(node), expected, "{node}");
        }
        assert_eq!(parameter("For=\"[::1]\"; Proto=https", "proto"), Some("https"));
    }
}
