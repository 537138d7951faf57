//! The transactions that are open now, for the metric that shows a forgotten one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Those of one pool, oldest first. There are never more of them than the pool has connections.
#[derive(Default)]
pub(crate) struct OpenTransactions {
    // Held for one look or one change.
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    since: Vec<(u64, Instant)>,
    next: u64,
}

impl OpenTransactions {
    /// Counts one more, until the result drops.
    pub(crate) fn one(self: &Arc<Self>) -> OpenTransaction {
        let number = self.with(|open| {
            let number = open.next;
            open.next += 1;
            open.since.push((number, Instant::now()));
            number
        });
        OpenTransaction { all: Arc::clone(self), number }
    }

    /// Age of the oldest one; zero if none is open.
    pub(crate) fn oldest_age(&self) -> Duration {
        self.with(|open| open.since.first().map_or(Duration::ZERO, |(_, since)| since.elapsed()))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A transaction that is open.
pub(crate) struct OpenTransaction {
    all: Arc<OpenTransactions>,
    number: u64,
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.all.with(|open| open.since.retain(|(number, _)| *number != self.number));
    }
}
