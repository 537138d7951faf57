//! Counters.

use opentelemetry::metrics::{BoundCounter, Counter, Meter};

use super::table::Table;
use super::{Series, series::Key};

/// A counter, and its series by their keys.
pub struct Counts<K> {
    unbound: Counter<u64>,
    bound: Table<K, BoundCounter<u64>>,
}

impl<K: Key> Counts<K> {
    /// The instrument `name` of this meter. `unit` is what is counted, such as `{message}`.
    pub fn new(meter: &Meter, name: &'static str, description: &'static str, unit: &'static str) -> Self {
        let counter = meter.u64_counter(name).with_unit(unit).with_description(description);
        Self { unbound: counter.build(), bound: Table::default() }
    }

    /// Counts `more`.
    pub fn add(&self, series: &impl Series<Key = K>, more: u64) {
        match self.bound.find(series, || self.unbound.bind(&series.attributes())) {
            Some(bound) => bound.add(more),
            None => self.unbound.add(more, &series.attributes()),
        }
    }
}
