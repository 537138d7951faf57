//! One line when a collector stops answering, one when it answers again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Tally;

/// Whether one collector answers. Lane and spans share it if they go to the same place.
#[derive(Debug)]
pub(super) struct Outage {
    /// The collector's address, without secrets.
    collector: String,
    tally: Arc<Tally>,
    since: Mutex<Option<Instant>>,
}

impl Outage {
    pub(super) fn new(collector: String, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self { collector, tally, since: Mutex::new(None) })
    }

    /// A request failed. Logged if the one before did not.
    pub(super) fn goes_on(&self, reason: &str) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_none() {
            *since = Some(Instant::now());
            tracing::warn!(
                "journey: no collector takes our telemetry at {}: {reason}; it waits in memory, and the next line \
                 on this comes when one does",
                self.collector
            );
        }
    }

    /// A request was taken. Logged if the one before was not.
    pub(super) fn is_over(&self) {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = since {
            let report = self.tally.report();
            tracing::info!(
                "journey: the collector at {} takes our telemetry again after {} s; lost so far: {} signals, {} spans",
                self.collector,
                since.elapsed().as_secs(),
                report.signals_lost,
                report.spans_lost
            );
        }
    }
}
