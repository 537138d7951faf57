//! The bounded queue of encoded collections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::export::bodies::Body;
use crate::limits::{METRIC_QUEUE_BYTES_MAX, METRIC_QUEUE_COLLECTIONS_MAX};

/// Collections that wait, at most [`METRIC_QUEUE_COLLECTIONS_MAX`] and [`METRIC_QUEUE_BYTES_MAX`]. The oldest goes first:
/// with cumulative sums a later one tells all that it told.
#[derive(Debug, Default)]
pub(crate) struct MetricQueue {
    waiting: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Each with the number of its collection.
    bodies: VecDeque<(u64, Body)>,
    /// Collections so far.
    collections: u64,
    /// Of all bodies.
    bytes: usize,
    /// Data points of dropped bodies.
    dropped: u64,
    is_collecting: bool,
    closed: bool,
}

impl Waiting {
    fn pop(&mut self) -> Option<Body> {
        let (_, body) = self.bodies.pop_front()?;
        self.bytes -= body.bytes.len();
        Some(body)
    }

    fn is_too_full(&self) -> bool {
        let oldest = self.bodies.front().map_or(self.collections, |(collection, _)| *collection);
        self.bytes > METRIC_QUEUE_BYTES_MAX || self.collections - oldest >= METRIC_QUEUE_COLLECTIONS_MAX
    }
}

/// While it lives, more may come at any moment.
#[derive(Debug)]
pub(super) struct Collecting(Arc<MetricQueue>);

impl MetricQueue {
    /// Appends the bodies of one collection.
    pub(super) fn push(&self, collection: Vec<Body>) {
        if collection.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        if waiting.closed {
            waiting.dropped += collection.iter().map(|body| body.records).sum::<u64>();
            return;
        }
        waiting.collections += 1;
        let number = waiting.collections;
        for body in collection {
            waiting.bytes += body.bytes.len();
            waiting.bodies.push_back((number, body));
        }
        while waiting.is_too_full()
            && let Some(oldest) = waiting.pop()
        {
            waiting.dropped += oldest.records;
        }
        drop(waiting);
        self.ready.notify_one();
    }

    /// The oldest body. `settle` is told its data points before they leave the queue, so that none is ever in neither
    /// place.
    pub(in crate::export) fn take<T>(&self, settle: impl FnOnce(u64) -> T) -> Option<(Body, T)> {
        let mut waiting = self.lock();
        let settled = settle(waiting.bodies.front()?.1.records);
        waiting.pop().map(|body| (body, settled))
    }

    /// Waits until a body waits, or the queue closes.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Data points that wait.
    pub(in crate::export) fn points(&self) -> u64 {
        self.lock().bodies.iter().map(|(_, body)| body.records).sum()
    }

    /// Whether a collection that was asked for has not come yet.
    pub(in crate::export) fn is_collecting(&self) -> bool {
        self.lock().is_collecting
    }

    /// Data points that were dropped.
    pub(in crate::export) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// `None` if a collection is under way already.
    pub(super) fn begin_collecting(self: &Arc<Self>) -> Option<Collecting> {
        let was_collecting = std::mem::replace(&mut self.lock().is_collecting, true);
        (!was_collecting).then(|| Collecting(self.clone()))
    }

    /// Takes nothing more: later bodies are dropped and counted.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.lock().is_collecting = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(records: u64) -> Body {
        Body { bytes: vec![0; 10], records }
    }

    fn taken(queue: &MetricQueue) -> Vec<u64> {
        std::iter::from_fn(|| queue.take(|records| records)).map(|(_, records)| records).collect()
    }

    /// Scenario: more collections of two bodies each than fit, then the queue closes, and one more comes.
    /// Guarantees: the oldest goes, each lost data point is counted, and what waited can be taken in order.
    #[test]
    fn the_oldest_collection_goes_first() {
        let queue = MetricQueue::default();
        for records in 1..=METRIC_QUEUE_COLLECTIONS_MAX + 1 {
            queue.push(vec![body(records), body(records)]);
            queue.push(vec![]);
        }
        assert_eq!(queue.dropped(), 2);
        queue.close();
        queue.push(vec![body(100)]);
        assert_eq!(queue.dropped(), 102);
        let rest: Vec<u64> =
            (2..=METRIC_QUEUE_COLLECTIONS_MAX + 1).flat_map(|records| [records; 2]).collect();
        assert_eq!(taken(&queue), rest);
        assert_eq!((queue.points(), queue.lock().bytes), (0, 0));
    }

    /// Scenario: two collections that are larger together than all that may wait.
    /// Guarantees: of the older one as much goes as is needed.
    #[test]
    fn bytes_are_bounded() {
        let queue = MetricQueue::default();
        let large = |records| Body { bytes: vec![0; METRIC_QUEUE_BYTES_MAX / 3], records };
        queue.push(vec![large(1), large(2)]);
        queue.push(vec![large(3), large(4)]);
        assert_eq!((queue.dropped(), taken(&queue)), (1, vec![2, 3, 4]));
    }

    /// Scenario: a flush asks for a collection while another one is under way.
    /// Guarantees: there is one at a time, and the queue tells of it until it is done.
    #[test]
    fn one_collection_at_a_time() {
        let queue = Arc::new(MetricQueue::default());
        let collecting = queue.begin_collecting();
        assert!(collecting.is_some() && queue.begin_collecting().is_none() && queue.is_collecting());
        drop(collecting);
        assert!(!queue.is_collecting() && queue.begin_collecting().is_some());
    }
}
