//! Names of hosts that repeat from request to request.

use std::cell::RefCell;
use std::sync::Arc;

use crate::limits::{HOST_BYTES_MAX, RECENT_HOSTS_MAX};

/// The name of a host, shared with the last requests of this thread if one of them had the same.
///
/// A service talks to a few hosts, over and over: their names are not worth an allocation per request. There is no
/// table for all threads, because a lock would cost more than the copies.
///
/// A name longer than [`HOST_BYTES_MAX`] is cut off.
pub(super) fn shared(host: &str) -> Arc<str> {
    let host = &host[..host.floor_char_boundary(HOST_BYTES_MAX)];
    RECENT.with_borrow_mut(|recent| recent.shared(host))
}

struct Recent {
    hosts: [Option<Arc<str>>; RECENT_HOSTS_MAX],
    /// The place of the next new one.
    next: usize,
}

impl Recent {
    fn shared(&mut self, host: &str) -> Arc<str> {
        if let Some(known) = self.hosts.iter().flatten().find(|known| ***known == *host) {
            return Arc::clone(known);
        }
        let place = self.next;
        self.next = (place + 1) % RECENT_HOSTS_MAX;
        Arc::clone(self.hosts[place].insert(host.into()))
    }
}

thread_local! {
    static RECENT: RefCell<Recent> = const { RefCell::new(Recent { hosts: [const { None }; RECENT_HOSTS_MAX], next: 0 }) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: hosts that repeat, too many of them, and one that is too long.
    /// Guarantees: repeats share, the oldest goes first, a long one is cut off.
    #[test]
    fn repeats_share() {
        let first = shared("crm-api");
        assert!(Arc::ptr_eq(&first, &shared("crm-api")));
        assert_eq!(shared(&"é".repeat(HOST_BYTES_MAX)).len(), HOST_BYTES_MAX - 1);
        (0..RECENT_HOSTS_MAX).for_each(|number| {
            shared(&format!("host-{number}"));
        });
        assert!(!Arc::ptr_eq(&first, &shared("crm-api")));
    }
}
