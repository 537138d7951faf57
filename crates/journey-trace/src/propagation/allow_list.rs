//! The hosts that may know our ids: neighbours, and those of a list.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{PoisonError, RwLock};

use super::HostList;
use super::host_list::has_suffix;

/// Whether `traceparent` and `baggage` may go to this host, given as in a URL, without port.
///
/// Allowed are loopback, private address literals, names without a dot, `*.svc`, `*.cluster.local`, `*.internal`,
/// and what [`set_propagate_to`] adds.
///
/// ```
/// use journey_trace::may_propagate_to;
///
/// assert!(may_propagate_to("crm-api"));
/// assert!(may_propagate_to("10.1.2.3"));
/// assert!(!may_propagate_to("api.partner.example"));
/// ```
pub fn may_propagate_to(host: &str) -> bool {
    // Most hosts are of this kind, and each request asks.
    if is_plain_name(host) {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match literal.parse::<IpAddr>() {
        Ok(address) => is_private(address) || is_listed(literal),
        Err(_) => is_neighbour(host) || is_listed(host),
    }
}

/// Replaces the list of further hosts. Called by init with `JOURNEY_PROPAGATE_TO`.
pub fn set_propagate_to(hosts: HostList) {
    *LISTED.write().unwrap_or_else(PoisonError::into_inner) = hosts;
}

static LISTED: RwLock<HostList> = RwLock::new(HostList::new());

fn is_listed(host: &str) -> bool {
    LISTED.read().unwrap_or_else(PoisonError::into_inner).has(host)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_private(IpAddr::V4(address)),
            None => address == Ipv6Addr::LOCALHOST || address.is_unique_local(),
        },
    }
}

/// A name that only a neighbour can have.
fn is_neighbour(host: &str) -> bool {
    let is_bare = !host.contains(['.', ':']) && !is_number(host);
    !host.is_empty() && (is_bare || SUFFIXES.iter().any(|suffix| has_suffix(host, suffix)))
}

/// A bare name that cannot be anything else.
fn is_plain_name(host: &str) -> bool {
    host.starts_with(|first: char| first.is_ascii_alphabetic())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `2130706433` and `0x7f000001` are addresses to a resolver, whatever they look like.
fn is_number(host: &str) -> bool {
    host.starts_with(|first: char| first.is_ascii_digit())
        && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'x' || byte == b'X')
}

const SUFFIXES: [&str; 3] = [".svc", ".cluster.local", ".internal"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: hosts of every kind, with and without a list.
    /// Guarantees: neighbours and listed hosts are allowed, the rest of the world is not.
    #[test]
    fn only_neighbours_and_listed_hosts() {
        set_propagate_to("api.partner.example, *.ours.example ,".parse().expect("a list"));
        for host in [
            "localhost",
            "crm-api",
            "3d-printer",
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.9.9",
            "192.168.0.1",
            "::1",
            "[::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "mes.orders.svc",
            "mes.svc.cluster.local.",
            "DB.Internal",
            "API.partner.example",
            "a.b.ours.example",
        ] {
            assert!(may_propagate_to(host), "{host}");
        }
        for host in [
            "",
            ".",
            "8.8.8.8",
            "169.254.169.254",
            "[2001:db8::1]",
            "2001:db8::1",
            "[::ffff:8.8.8.8]",
            "example.com",
            "evilsvc.com",
            "a.notsvc",
            ".svc",
            "ours.example",
            "evil-ours.example",
            "partner.example",
            "134744072",
            "0x08080808",
            "api.partner.example.evil.com",
        ] {
            assert!(!may_propagate_to(host), "{host}");
        }
        set_propagate_to(HostList::new());
        assert!(!may_propagate_to("a.ours.example"));
    }
}
