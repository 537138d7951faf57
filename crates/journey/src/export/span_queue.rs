//! The bounded queue of spans.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use journey_model::SpanRecord;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::Notify;

use crate::config::Batching;

/// What goes to trace storage.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are spans; a box would be one more allocation per span"
)]
pub(crate) enum Item {
    /// A span of the SDK.
    Span(SpanData),
    /// A copy of an ended stage, when the lane goes elsewhere.
    Stage(Box<SpanRecord<'static>>),
}

impl Item {
    /// Whether it tells more than the spans around it: the incoming side of a hop, or a stage.
    fn is_entry(&self) -> bool {
        match self {
            Item::Span(span) => matches!(span.span_kind, SpanKind::Server | SpanKind::Consumer),
            Item::Stage(_) => true,
        }
    }
}

/// Spans that wait, at most so many. Pushing never blocks.
#[derive(Debug)]
pub(crate) struct SpanQueue {
    waiting: Mutex<Waiting>,
    batch_ready: Notify,
    capacity: usize,
    /// Spans that are worth a request.
    batch: usize,
}

impl Default for SpanQueue {
    fn default() -> Self {
        Self::new(Batching::default())
    }
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Item>,
    others: VecDeque<Item>,
    dropped: u64,
    closed: bool,
}

impl SpanQueue {
    pub(crate) fn new(batching: Batching) -> Self {
        let Batching { queue: capacity, batch, .. } = batching;
        Self { waiting: Mutex::default(), batch_ready: Notify::new(), capacity, batch }
    }

    /// Spans that it holds at most.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Appends an item. When full, the oldest that is no entry goes, else the item itself if it is none, else the oldest
    /// entry.
    pub(crate) fn push(&self, item: Item) {
        let mut waiting = self.lock();
        if waiting.closed {
            waiting.dropped += 1;
            return;
        }
        let is_entry = item.is_entry();
        if waiting.len() >= self.capacity {
            waiting.dropped += 1;
            if waiting.others.pop_front().is_none() {
                if !is_entry {
                    return;
                }
                waiting.entries.pop_front();
            }
        }
        let line = if is_entry { &mut waiting.entries } else { &mut waiting.others };
        line.push_back(item);
        let is_batch = waiting.len() >= self.batch;
        drop(waiting);
        if is_batch {
            self.batch_ready.notify_one();
        }
    }

    /// Takes at most `max` items, entries first.
    pub(super) fn take_batch(&self, max: usize) -> Vec<Item> {
        let mut waiting = self.lock();
        let entries = waiting.entries.len().min(max);
        let others = waiting.others.len().min(max - entries);
        let mut batch: Vec<Item> = waiting.entries.drain(..entries).collect();
        batch.extend(waiting.others.drain(..others));
        batch
    }

    /// Waits until a whole batch waits.
    pub(super) async fn batch_ready(&self) {
        self.batch_ready.notified().await;
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Takes nothing more: later items are dropped and counted.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.entries.len() + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use journey_trace::lane::{Lane, LaneConfig};
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

    use crate::export::Tally;
    use crate::limits::SPAN_QUEUE_MAX;
    use crate::probe::Probe;
    use crate::processor::JourneyProcessor;

    use super::*;

    fn queue_of_provider() -> (Arc<Tally>, SdkTracer) {
        let lane = Lane::new(LaneConfig { beat_interval: None, root_sampler: Arc::new(|_| true) });
        let tally = Tally::new(lane, Arc::new(SpanQueue::default()));
        let processor = JourneyProcessor {
            tally: tally.clone(),
            exports: true,
            console: None,
            probe: Arc::new(Probe::new()),
        };
        let tracer = SdkTracerProvider::builder().with_span_processor(processor).build().tracer("test");
        (tally, tracer)
    }

    fn server_span(tracer: &SdkTracer, name: &'static str) {
        drop(tracer.span_builder(name).with_kind(SpanKind::Server).start(tracer));
    }

    fn names(batch: &[Item]) -> Vec<&str> {
        let names = batch.iter().map(|item| match item {
            Item::Span(span) => &*span.name,
            Item::Stage(record) => &*record.name,
        });
        names.collect()
    }

    /// Scenario: one server span, and then more internal spans than fit.
    /// Guarantees: the queue keeps its size, the server span stays and leaves first, each drop is counted.
    #[test]
    fn entries_outlast_other_spans() {
        let (tally, tracer) = queue_of_provider();
        server_span(&tracer, "server");
        (0..SPAN_QUEUE_MAX + 9).for_each(|_| drop(tracer.start("internal")));
        assert_eq!((tally.spans.len(), tally.spans.dropped()), (SPAN_QUEUE_MAX, 10));
        assert_eq!(names(&tally.spans.take_batch(2)), ["server", "internal"]);
    }

    /// Scenario: a queue full of server spans gets an internal one, and then one more server span.
    /// Guarantees: the internal one is dropped itself, and only the server span makes room for itself.
    #[test]
    fn other_spans_never_replace_entries() {
        let (tally, tracer) = queue_of_provider();
        server_span(&tracer, "first");
        (1..SPAN_QUEUE_MAX).for_each(|_| server_span(&tracer, "server"));
        drop(tracer.start("internal"));
        assert_eq!((tally.spans.len(), tally.spans.dropped()), (SPAN_QUEUE_MAX, 1));
        assert_eq!(names(&tally.spans.take_batch(1)), ["first"]);
        server_span(&tracer, "refill");
        server_span(&tracer, "last");
        assert_eq!((tally.spans.len(), tally.spans.dropped()), (SPAN_QUEUE_MAX, 2));
        let rest = tally.spans.take_batch(SPAN_QUEUE_MAX);
        assert_eq!(names(&rest).last(), Some(&"last"));
        assert!(!names(&rest).contains(&"internal"));
    }
}
