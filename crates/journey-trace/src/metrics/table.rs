//! The series of one instrument: bound once, then found without a lock.
//!
//! Slots are written once and never change, so readers need no lock. There is a fixed number of them, and a key may
//! only sit in the few slots that follow its hash: a hostile set of keys costs some probes, never a longer search.

use std::hash::Hasher;
use std::sync::OnceLock;

use rustc_hash::FxHasher;

use crate::limits::METRIC_SERIES_MAX;

use super::Series;

/// Bound instruments by the attributes of their series.
pub(super) struct Table<K, B> {
    slots: Box<[OnceLock<(K, B)>]>,
}

impl<K, B> Default for Table<K, B> {
    fn default() -> Self {
        Self { slots: (0..METRIC_SERIES_MAX).map(|_| OnceLock::new()).collect() }
    }
}

impl<K, B> Table<K, B> {
    /// The bound instrument of a series, bound now if it is met for the first time. `None` if its slots are taken by
    /// others.
    pub(super) fn find<S: Series<Key = K>>(&self, series: &S, bind: impl Fn() -> B) -> Option<&B> {
        let mut hasher = FxHasher::default();
        series.hash(&mut hasher);
        // The product of the hash is in its upper half.
        let first = (hasher.finish() >> 32) as usize;
        (first..first + PROBES_MAX).find_map(|at| {
            let slot = &self.slots[at % self.slots.len()];
            let (key, bound) = slot.get_or_init(|| (series.to_key(), bind()));
            series.is(key).then_some(bound)
        })
    }
}

/// Slots tried for one series before it counts as one too many.
const PROBES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use opentelemetry::KeyValue;

    use super::*;

    impl Series for u64 {
        type Key = u64;

        fn to_key(&self) -> u64 {
            *self
        }

        fn is(&self, key: &u64) -> bool {
            self == key
        }

        fn attributes(&self) -> Vec<KeyValue> {
            vec![]
        }
    }

    /// Scenario: one series is met twice, and then more series than the table has slots.
    /// Guarantees: it is bound once; the table never grows, and what it gives always belongs to the series.
    #[test]
    fn a_series_is_bound_once_and_the_table_is_bounded() {
        let bound = Cell::new(0);
        let bind = |value| {
            bound.set(bound.get() + 1);
            value
        };
        let table = Table::default();
        assert_eq!(table.find(&7u64, || bind(7u64)), Some(&7));
        assert_eq!(table.find(&7u64, || bind(7u64)), Some(&7));
        assert_eq!(bound.get(), 1);
        let found = (0..4 * METRIC_SERIES_MAX as u64).filter_map(|n| Some((n, *table.find(&n, || bind(n))?)));
        let found: Vec<_> = found.collect();
        assert!(found.iter().all(|(series, bound)| series == bound));
        assert!((METRIC_SERIES_MAX / 2..=METRIC_SERIES_MAX).contains(&found.len()), "{}", found.len());
    }
}
