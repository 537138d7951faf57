//! Hosts, as somebody lists them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::limits::{HOST_BYTES_MAX, LISTED_HOSTS_MAX};

/// Hosts that may know our ids though they are no neighbours: names, addresses, and suffixes such as `*.example.com`,
/// with commas between, at most [`LISTED_HOSTS_MAX`].
///
/// ```
/// use journey_trace::propagation::HostList;
///
/// let hosts: HostList = "api.partner.example, *.ours.example".parse().unwrap();
/// assert!(hosts.has("shop.ours.example"));
/// assert!("https://api.partner.example".parse::<HostList>().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostList(Vec<Listed>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Listed {
    /// What is below a domain. It starts with a dot.
    Below(String),
    /// A name, or an address as [`IpAddr`] writes it.
    Host(String),
}

/// A list that would let ids go to nobody, or to strangers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidHosts {
    /// A member that is no host.
    #[error(
        "{0:?} is no host; it should be a name such as api.example.com, an address, or a suffix such as *.example.com"
    )]
    Member(String),
    /// Too many members.
    #[error("it has more than {LISTED_HOSTS_MAX} hosts")]
    TooMany,
}

impl HostList {
    /// Nobody.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether it lists nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this host is listed. An IPv6 address comes without brackets.
    pub fn has(&self, host: &str) -> bool {
        self.0.iter().any(|listed| match listed {
            Listed::Below(suffix) => has_suffix(host, suffix),
            Listed::Host(listed) => host.eq_ignore_ascii_case(listed),
        })
    }
}

/// As it is read, without the spaces.
impl fmt::Display for HostList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, listed) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match listed {
                Listed::Below(suffix) => write!(f, "{comma}*{suffix}")?,
                Listed::Host(host) => write!(f, "{comma}{host}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for HostList {
    type Err = InvalidHosts;

    fn from_str(list: &str) -> Result<Self, InvalidHosts> {
        let members: Vec<&str> = list.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
        if members.len() > LISTED_HOSTS_MAX {
            return Err(InvalidHosts::TooMany);
        }
        let listed = members.into_iter().map(|member| {
            Listed::parse(member)
                .ok_or_else(|| InvalidHosts::Member(member.chars().take(HOST_BYTES_MAX).collect()))
        });
        listed.collect::<Result<_, _>>().map(Self)
    }
}

impl Listed {
    fn parse(member: &str) -> Option<Self> {
        let literal = member.strip_prefix('[').and_then(|member| member.strip_suffix(']')).unwrap_or(member);
        if let Ok(address) = literal.parse::<IpAddr>() {
            return Some(Listed::Host(address.to_string()));
        }
        let member = member.strip_suffix('.').unwrap_or(member);
        match member.strip_prefix("*.") {
            Some(domain) => is_name(domain).then(|| Listed::Below(format!(".{domain}"))),
            None => is_name(member).then(|| Listed::Host(member.to_owned())),
        }
    }
}

/// Labels with dots between. A URL writes every other name in this form too.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= HOST_BYTES_MAX && name.split('.').all(is_label)
}

/// `suffix` starts with a dot, so that `evilsvc` is no `*.svc`.
pub(super) fn has_suffix(host: &str, suffix: &str) -> bool {
    let at = host.len().saturating_sub(suffix.len());
    at > 0 && host.is_char_boundary(at) && host[at..].eq_ignore_ascii_case(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: members of every good form, with spaces, in any case.
    /// Guarantees: exactly those hosts are in the list.
    #[test]
    fn good_lists() {
        let hosts: HostList = "API.partner.example., *.ours.example ,,8.8.8.8,[2001:DB8::1]".parse().unwrap();
        for host in ["api.partner.example", "a.b.ours.example", "8.8.8.8", "2001:db8::1"] {
            assert!(hosts.has(host), "{host}");
        }
        for host in ["ours.example", "evil-ours.example", "partner.example", "8.8.8.9"] {
            assert!(!hosts.has(host), "{host}");
        }
        assert_eq!(hosts.to_string(), "API.partner.example,*.ours.example,8.8.8.8,2001:db8::1");
        assert_eq!("".parse(), Ok(HostList::new()));
    }

    /// Scenario: slips of the pen. A URL once allowed nobody without a word, `*example.org` once allowed
    /// `evilexample.org`, and `*` all the world.
    /// Guarantees: each is refused, and named.
    #[test]
    fn slips_are_refused() {
        let url = "https://api.example.com:443";
        for slip in [url, "api.example.com:443", "*example.org", "*", "*.", "*.*.org", "a..b", "a b", "."] {
            let refused = format!("good.example,{slip}").parse::<HostList>();
            assert_eq!(refused, Err(InvalidHosts::Member(slip.to_owned())), "{slip}");
        }
        let many = vec!["a"; LISTED_HOSTS_MAX + 1].join(",");
        assert_eq!(many.parse::<HostList>(), Err(InvalidHosts::TooMany));
    }
}
