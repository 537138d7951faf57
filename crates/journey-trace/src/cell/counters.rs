//! What cells refused, counted over the whole process.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What was refused in this process so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CellCounters {
    /// Ids with a second, different value.
    pub conflicts: u64,
    /// Texts that are no business id.
    pub invalid_ids: u64,
    /// Facets with a bad name or value, a second value, or beyond the limit.
    pub refused_facets: u64,
}

impl CellCounters {
    pub(super) fn now() -> Self {
        Self {
            conflicts: CONFLICTS.get(),
            invalid_ids: INVALID_IDS.get(),
            refused_facets: REFUSED_FACETS.get(),
        }
    }
}

pub(super) static CONFLICTS: Counter = Counter::new();
pub(super) static INVALID_IDS: Counter = Counter::new();
pub(super) static REFUSED_FACETS: Counter = Counter::new();

/// A number that only grows.
pub(super) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
