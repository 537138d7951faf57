//! Histograms of counts.

use opentelemetry::metrics::{BoundHistogram, Histogram, Meter};

use super::table::Table;
use super::{Series, series::Key};

/// A histogram of whole numbers, such as rows, and its series by their keys.
pub struct Amounts<K> {
    unbound: Histogram<u64>,
    bound: Table<K, BoundHistogram<u64>>,
}

impl<K: Key> Amounts<K> {
    /// The instrument `name` of this meter, with these bucket boundaries. `unit` is what is counted, such as `{row}`.
    pub fn new(
        meter: &Meter,
        name: &'static str,
        description: &'static str,
        unit: &'static str,
        buckets: &[f64],
    ) -> Self {
        let histogram = meter.u64_histogram(name).with_unit(unit).with_description(description);
        Self { unbound: histogram.with_boundaries(buckets.to_vec()).build(), bound: Table::default() }
    }

    /// Adds a sample.
    pub fn record(&self, series: &impl Series<Key = K>, amount: u64) {
        match self.bound.find(series, || self.unbound.bind(&series.attributes())) {
            Some(bound) => bound.record(amount),
            None => self.unbound.record(amount, &series.attributes()),
        }
    }
}
