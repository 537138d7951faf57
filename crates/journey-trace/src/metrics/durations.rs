//! Histograms of seconds.

use std::time::Duration;

use opentelemetry::metrics::{BoundHistogram, Histogram, Meter};

use super::table::Table;
use super::{Series, series::Key};

/// A histogram of durations, in seconds, and its series by their keys.
pub struct Durations<K> {
    unbound: Histogram<f64>,
    bound: Table<K, BoundHistogram<f64>>,
}

impl<K: Key> Durations<K> {
    /// The instrument `name` of this meter, with these bucket boundaries.
    pub fn new(meter: &Meter, name: &'static str, description: &'static str, buckets_s: &[f64]) -> Self {
        let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
        Self { unbound: histogram.with_boundaries(buckets_s.to_vec()).build(), bound: Table::default() }
    }

    /// Adds a sample.
    pub fn record(&self, series: &impl Series<Key = K>, duration: Duration) {
        match self.bound.find(series, || self.unbound.bind(&series.attributes())) {
            Some(bound) => bound.record(duration.as_secs_f64()),
            None => self.unbound.record(duration.as_secs_f64(), &series.attributes()),
        }
    }
}
