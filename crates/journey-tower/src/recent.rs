//! Texts that repeat from request to request.
//!
//! A service sees the same `Host`, the same proxy and mostly the same `User-Agent` again and again. Each thread keeps
//! the last one, so that a repeat costs a comparison instead of an allocation. One text per kind and thread is all
//! that is kept.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::LocalKey;

use opentelemetry::{StringValue, Value};

use crate::limits::{TEXT_BYTES_MAX, clipped};
use crate::origin;

/// The last text of one kind on this thread.
pub(crate) type Recent = RefCell<Option<Arc<str>>>;

/// The last address of one kind on this thread, and its text.
pub(crate) type RecentAddress = RefCell<Option<(IpAddr, Arc<str>)>>;

/// The last authority on this thread, with the address and port in it.
struct RecentServer {
    authority: Box<str>,
    address: Arc<str>,
    port: Option<u16>,
}

thread_local! {
    /// Of `client.address`.
    pub(crate) static CLIENT_ADDRESS: RecentAddress = const { RefCell::new(None) };
    /// Of `network.peer.address`.
    pub(crate) static PEER_ADDRESS: RecentAddress = const { RefCell::new(None) };
    /// Of `server.address` and `server.port`.
    static SERVER: RefCell<Option<RecentServer>> = const { RefCell::new(None) };
    /// Of `user_agent.original`.
    pub(crate) static USER_AGENT: Recent = const { RefCell::new(None) };
}

/// The text, at most [`TEXT_BYTES_MAX`] of it, as an attribute's value, shared with the last request's if it is the
/// same.
pub(crate) fn shared(recent: &'static LocalKey<Recent>, text: &str) -> Value {
    let text = clipped(text, TEXT_BYTES_MAX);
    let shared = recent.with_borrow_mut(|recent| match recent {
        Some(last) if **last == *text => Arc::clone(last),
        _ => Arc::clone(recent.insert(text.into())),
    });
    Value::String(StringValue::from(shared))
}

/// Address and port of an authority such as `shop:8080`, taken apart once as long as it repeats.
pub(crate) fn server(authority: &str) -> Option<(Value, Option<u16>)> {
    let (address, port) = SERVER.with_borrow_mut(|recent| {
        if let Some(last) = recent.as_ref().filter(|last| *last.authority == *authority) {
            return Some((Arc::clone(&last.address), last.port));
        }
        let host = origin::host(authority)?;
        let address: Arc<str> = clipped(host.address, TEXT_BYTES_MAX).into();
        if authority.len() <= TEXT_BYTES_MAX {
            let address = Arc::clone(&address);
            *recent = Some(RecentServer { authority: authority.into(), address, port: host.port });
        }
        Some((address, host.port))
    })?;
    Some((Value::String(StringValue::from(address)), port))
}

/// The address as text, shared with the last request's if it is the same.
pub(crate) fn address(recent: &'static LocalKey<RecentAddress>, address: IpAddr) -> Value {
    let shared = recent.with_borrow_mut(|recent| match recent {
        Some((last, text)) if *last == address => Arc::clone(text),
        _ => Arc::clone(&recent.insert((address, address.to_string().into())).1),
    });
    Value::String(StringValue::from(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(first: &Value, second: &Value) -> bool {
        matches!((first, second), (Value::String(first), Value::String(second))
            if std::ptr::eq(first.as_str(), second.as_str()))
    }

    /// Scenario: texts that repeat, change, and are too long.
    /// Guarantees: a repeat shares its text, a new one takes the place, a long one is cut.
    #[test]
    fn repeats_share() {
        let first = shared(&USER_AGENT, "a");
        assert!(shares(&first, &shared(&USER_AGENT, "a")));
        let long = "x".repeat(2 * TEXT_BYTES_MAX);
        assert_eq!(shared(&USER_AGENT, &long), Value::from("x".repeat(TEXT_BYTES_MAX)));
        assert!(!shares(&first, &shared(&USER_AGENT, "a")));
        assert_eq!(shared(&USER_AGENT, "b"), Value::from("b"));
    }

    /// Scenario: authorities that repeat, change, are too long to keep, and name nobody.
    /// Guarantees: a repeat shares its address, each has its own port, nobody is nobody.
    #[test]
    fn servers_share() {
        let (first, port) = server("shop:8080").expect("a host");
        assert_eq!((&first, port), (&Value::from("shop"), Some(8080)));
        assert!(shares(&first, &server("shop:8080").expect("a host").0));
        assert_eq!(server("shop:80").expect("a host").1, Some(80));
        let long = format!("{}:1", "x".repeat(2 * TEXT_BYTES_MAX));
        for _ in 0..2 {
            assert_eq!(server(&long).expect("a host"), (Value::from("x".repeat(TEXT_BYTES_MAX)), Some(1)));
        }
        assert_eq!(server(":80"), None);
        assert_eq!(server("shop:80").expect("a host").1, Some(80));
    }

    /// Scenario: an address that repeats, and changes.
    /// Guarantees: a repeat shares its text, and no other address gets it.
    #[test]
    fn addresses_share() {
        let first = address(&PEER_ADDRESS, [10, 0, 0, 1].into());
        assert!(shares(&first, &address(&PEER_ADDRESS, [10, 0, 0, 1].into())));
        assert_eq!(address(&PEER_ADDRESS, [10, 0, 0, 2].into()), Value::from("10.0.0.2"));
    }
}
