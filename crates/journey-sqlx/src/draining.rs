//! Queries that their callers have left, while the server still works on them.
//!
//! sqlx cancels nothing on the server. A connection whose query was dropped goes back to the pool only when the
//! server has ended it, and who comes next waits without a reason that anybody could see.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::SpanContext;

use crate::limits::DRAINING_MAX;

/// The left queries of one pool, oldest first, at most [`DRAINING_MAX`].
#[derive(Default)]
pub(crate) struct Draining {
    // Held for one look or one change.
    left: Mutex<Vec<(usize, SpanContext)>>,
    /// How many there are, so that usually nobody needs the lock.
    count: AtomicUsize,
    numbers: AtomicUsize,
}

impl Draining {
    /// Keeps in mind that the query of this span goes on without its caller, until the result drops.
    pub(crate) fn begin(self: &Arc<Self>, query: SpanContext) -> StillDraining {
        let number = self.numbers.fetch_add(1, Relaxed);
        self.with(|left| {
            if left.len() < DRAINING_MAX {
                left.push((number, query));
            }
        });
        StillDraining { draining: Arc::clone(self), number }
    }

    /// The query that is drained for longest.
    pub(crate) fn oldest(&self) -> Option<SpanContext> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        self.with(|left| left.first().map(|(_, query)| query.clone()))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<(usize, SpanContext)>) -> T) -> T {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut left);
        self.count.store(left.len(), Relaxed);
        result
    }
}

/// The connection of a left query is not yet back in the pool.
pub(crate) struct StillDraining {
    draining: Arc<Draining>,
    number: usize,
}

impl Drop for StillDraining {
    fn drop(&mut self) {
        self.draining.with(|left| left.retain(|(number, _)| *number != self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more left queries than are kept in mind, which end one after the other.
    /// Guarantees: the list stays under its limit, and is empty in the end.
    #[test]
    fn the_list_is_bounded_and_ends_empty() {
        let draining = Arc::new(Draining::default());
        let all: Vec<StillDraining> =
            (0..DRAINING_MAX + 10).map(|_| draining.begin(SpanContext::NONE)).collect();
        assert_eq!(draining.count.load(Relaxed), DRAINING_MAX);
        assert!(draining.oldest().is_some());
        drop(all);
        assert!(draining.oldest().is_none());
    }
}
