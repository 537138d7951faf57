//! Texts that repeat from request to request.
//!
//! A service sees the same `Host` and mostly the same `User-Agent` again and again. Each thread keeps the last one, so
//! that a repeat costs a comparison instead of an allocation. One text per kind and thread is all that is kept.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use opentelemetry::{StringValue, Value};

/// The last text of one kind on this thread.
pub(crate) type Recent = RefCell<Option<Arc<str>>>;

thread_local! {
    /// Of `server.address`.
    pub(crate) static SERVER_ADDRESS: Recent = const { RefCell::new(None) };
    /// Of `user_agent.original`.
    pub(crate) static USER_AGENT: Recent = const { RefCell::new(None) };
}

/// The text as an attribute's value, shared with the last request's if it is the same.
pub(crate) fn shared(recent: &'static LocalKey<Recent>, text: &str) -> Value {
    if text.len() > RECENT_BYTES_MAX {
        return Value::String(StringValue::from(text.to_owned()));
    }
    let shared = recent.with_borrow_mut(|recent| match recent {
        Some(last) if **last == *text => Arc::clone(last),
        _ => Arc::clone(recent.insert(text.into())),
    });
    Value::String(StringValue::from(shared))
}

/// Longest text kept, in bytes; a longer one is copied per request.
const RECENT_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(first: &Value, second: &Value) -> bool {
        matches!((first, second), (Value::String(first), Value::String(second))
            if std::ptr::eq(first.as_str(), second.as_str()))
    }

    /// Scenario: texts that repeat, change, and are too long.
    /// Guarantees: a repeat shares its text, a new one takes the place, a long one is not kept.
    #[test]
    fn repeats_share() {
        let first = shared(&USER_AGENT, "a");
        assert!(shares(&first, &shared(&USER_AGENT, "a")));
        let long = "x".repeat(RECENT_BYTES_MAX + 1);
        assert!(!shares(&shared(&USER_AGENT, &long), &shared(&USER_AGENT, &long)));
        assert!(shares(&first, &shared(&USER_AGENT, "a")));
        assert_eq!(shared(&USER_AGENT, "b"), Value::from("b"));
        assert!(!shares(&first, &shared(&USER_AGENT, "a")));
    }
}
