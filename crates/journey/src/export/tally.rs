//! What was delivered and what was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use journey_trace::lane::{Dropped, Lane};
use tokio::sync::Notify;

use super::SpanQueue;
use super::metrics::MetricQueue;

/// What became of the signals of the journey lane, of the spans and of the metrics, since init.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// Signals of the journey lane that a collector took.
    pub signals_delivered: u64,
    /// Signals that a full queue dropped, that a collector refused, or that were given up.
    pub signals_lost: u64,
    /// Signals that wait.
    pub signals_waiting: u64,
    /// Signals that a full queue dropped, or that came too late, by kind. They are among `signals_lost`.
    pub signals_dropped: Dropped,
    /// Starts and ends of stages that came after the last word of the process. They are among `signals_lost`.
    pub signals_late: u64,
    /// Spans that a collector took.
    pub spans_delivered: u64,
    /// Spans that a full queue dropped, that a collector refused, or that were given up.
    pub spans_lost: u64,
    /// Spans that wait.
    pub spans_waiting: u64,
    /// Data points of metrics that a collector took.
    pub metrics_delivered: u64,
    /// Data points that a full queue dropped, that a collector refused, or that were given up.
    pub metrics_lost: u64,
    /// Data points that wait. The next collection is not among them.
    pub metrics_waiting: u64,
    /// Stages that are open. In the report of a shutdown: their ends are never told.
    pub stages_open: u64,
    /// Stages that gave no sign of life, because [`OPEN_STAGES_MAX`](journey_trace::limits::OPEN_STAGES_MAX) others were
    /// open. Their starts and ends are told.
    pub stages_without_beats: u64,
}

impl ExportReport {
    /// The report when nothing is going to be sent any more: what waits is lost.
    pub(crate) fn closed(self) -> Self {
        Self {
            signals_lost: self.signals_lost + self.signals_waiting,
            signals_waiting: 0,
            spans_lost: self.spans_lost + self.spans_waiting,
            spans_waiting: 0,
            metrics_lost: self.metrics_lost + self.metrics_waiting,
            metrics_waiting: 0,
            ..self
        }
    }

    fn is_waiting(&self) -> bool {
        self.signals_waiting + self.spans_waiting + self.metrics_waiting > 0
    }
}

/// The queues and the counts of what left them.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) lane: Arc<Lane>,
    pub(crate) spans: Arc<SpanQueue>,
    pub(super) metrics: Arc<MetricQueue>,
    pub(super) metrics_out: Out,
    pub(super) signals_out: Out,
    pub(super) spans_out: Out,
    pub(super) flush_lane: Notify,
    pub(super) flush_spans: Notify,
}

/// Counts of what left one queue.
#[derive(Debug, Default)]
pub(super) struct Out {
    delivered: AtomicU64,
    lost: AtomicU64,
    in_flight: AtomicU64,
}

impl Tally {
    pub(crate) fn new(lane: Arc<Lane>, spans: Arc<SpanQueue>) -> Arc<Self> {
        Arc::new(Self {
            lane,
            spans,
            metrics: Arc::default(),
            metrics_out: Out::default(),
            signals_out: Out::default(),
            spans_out: Out::default(),
            flush_lane: Notify::new(),
            flush_spans: Notify::new(),
        })
    }

    /// Read in the direction that records go: queue, in flight, then delivered, lost or dropped. So one that moves
    /// meanwhile is counted in two places, never in none: a flush that sees nothing waiting has seen all.
    pub(crate) fn report(&self) -> ExportReport {
        // The lane first: the ends of stages may go on from it into the queue of the spans.
        let signals_waiting = self.lane.len() as u64 + self.signals_out.in_flight();
        let spans_waiting = self.spans.len() as u64 + self.spans_out.in_flight();
        let metrics_waiting = self.metrics.points() + self.metrics_out.in_flight();
        let lane = self.lane.counters();
        ExportReport {
            signals_delivered: self.signals_out.delivered(),
            signals_lost: self.signals_out.lost() + lane.dropped.total(),
            signals_waiting,
            signals_dropped: lane.dropped,
            signals_late: lane.late,
            spans_delivered: self.spans_out.delivered(),
            spans_lost: self.spans_out.lost() + self.spans.dropped(),
            spans_waiting,
            metrics_delivered: self.metrics_out.delivered(),
            metrics_lost: self.metrics_out.lost() + self.metrics.dropped(),
            metrics_waiting,
            stages_open: self.lane.open_stages() as u64,
            stages_without_beats: lane.without_beats,
        }
    }

    /// Forgets what waits, when it is not going to be sent any more: a thread that read the tracer once keeps all this
    /// alive until it reads again.
    pub(super) fn clear(&self) {
        drop(self.lane.take_batch(usize::MAX));
        drop(self.spans.take_batch(usize::MAX));
        while self.metrics.take(|_| ()).is_some() {}
    }

    /// Waits until nothing waits any more, at most until `deadline`. Not to be called on the export thread.
    pub(crate) fn flush(&self, deadline: Instant) -> ExportReport {
        self.flush_lane.notify_one();
        self.flush_spans.notify_one();
        loop {
            // Asked first: a collection is in the queue before it is over.
            let is_collecting = self.metrics.is_collecting();
            let report = self.report();
            let is_done = !is_collecting && !report.is_waiting();
            if is_done || Instant::now() >= deadline {
                return report;
            }
            std::thread::sleep(FLUSH_LOOK);
        }
    }
}

impl Out {
    /// Records whose export is over, one way or the other.
    pub(super) fn settled(&self) -> u64 {
        self.delivered() + self.lost()
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Acquire)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }

    fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Records are about to be taken from the queue. They count as waiting until they are delivered, and as lost if
    /// that never happens, also because the thread stops.
    pub(super) fn take(&self, records: u64) -> InFlight<'_> {
        self.in_flight.fetch_add(records, Ordering::AcqRel);
        InFlight { out: self, records }
    }
}

/// Records on their way. They are lost if nobody says otherwise.
pub(super) struct InFlight<'a> {
    out: &'a Out,
    records: u64,
}

impl<'a> InFlight<'a> {
    /// A part of the records, to be settled by itself.
    pub(super) fn split_off(&mut self, records: u64) -> InFlight<'a> {
        let records = records.min(self.records);
        self.records -= records;
        InFlight { out: self.out, records }
    }

    /// All were delivered but `rejected`, which are lost.
    pub(super) fn delivered_but(mut self, rejected: u64) {
        let rejected = rejected.min(self.records);
        self.settle(self.records - rejected, Some(&self.out.delivered));
    }

    /// They were not to go anywhere: neither delivered nor lost.
    pub(super) fn kept_here(mut self) {
        self.settle(self.records, None);
    }

    fn settle(&mut self, records: u64, count: Option<&AtomicU64>) {
        // In this order, see `Tally::report`.
        if let Some(count) = count {
            count.fetch_add(records, Ordering::AcqRel);
        }
        self.out.in_flight.fetch_sub(records, Ordering::AcqRel);
        self.records -= records;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.settle(self.records, Some(&self.out.lost));
    }
}

/// How often a flush looks whether it is done.
const FLUSH_LOOK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use journey_trace::lane::LaneConfig;
    use journey_trace::{ContextExt, stage};
    use opentelemetry::Context;

    use super::*;

    /// Scenario: stages end while another thread takes them out and settles them, and a third one reads reports.
    /// Guarantees: each signal that was there before a report is in it. Once what had been settled was read first, so
    /// one that was settled meanwhile was in neither place, and a flush ended with a report that was too small.
    #[test]
    fn a_report_misses_nothing() {
        let lane = Lane::new(LaneConfig { beat_interval: None, root_sampler: Arc::new(|_| true) });
        let tally = Tally::new(lane.clone(), Arc::default());
        let (told, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let cx = Context::new().with_lane(lane.clone());
                for _ in 0..100_000 {
                    stage("price_accept").parent(&cx).start().end();
                    told.fetch_add(2, Ordering::AcqRel);
                }
                is_done.store(true, Ordering::Release);
            });
            threads.spawn(|| {
                while !is_done.load(Ordering::Acquire) || !lane.is_empty() {
                    if !lane.is_empty() {
                        let in_flight = tally.signals_out.take(1);
                        drop(lane.take_batch(1));
                        in_flight.delivered_but(0);
                    }
                }
            });
            while !is_done.load(Ordering::Acquire) {
                let before = told.load(Ordering::Acquire);
                let report = tally.report();
                let found = report.signals_delivered + report.signals_lost + report.signals_waiting;
                assert!(found >= before, "{before} were told: {report:?}");
            }
        });
    }
}
