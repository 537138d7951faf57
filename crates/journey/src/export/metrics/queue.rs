//! The bounded queue of encoded collections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::export::bodies::Body;
use crate::limits::METRIC_QUEUE_BODIES_MAX;

/// Collections that wait, at most [`METRIC_QUEUE_BODIES_MAX`]. The oldest goes first: with cumulative sums a later one
/// tells all that it told.
#[derive(Debug, Default)]
pub(crate) struct MetricQueue {
    waiting: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bodies: VecDeque<Body>,
    /// Data points of dropped bodies.
    dropped: u64,
    is_collecting: bool,
    closed: bool,
}

/// While it lives, more may come at any moment.
#[derive(Debug)]
pub(super) struct Collecting(Arc<MetricQueue>);

impl MetricQueue {
    pub(super) fn push(&self, body: Body) {
        let mut waiting = self.lock();
        if waiting.closed {
            waiting.dropped += body.records;
            return;
        }
        if waiting.bodies.len() >= METRIC_QUEUE_BODIES_MAX
            && let Some(oldest) = waiting.bodies.pop_front()
        {
            waiting.dropped += oldest.records;
        }
        waiting.bodies.push_back(body);
        drop(waiting);
        self.ready.notify_one();
    }

    /// The oldest body. `settle` is told its data points before they leave the queue, so that none is ever in neither
    /// place.
    pub(super) fn take<T>(&self, settle: impl FnOnce(u64) -> T) -> Option<(Body, T)> {
        let mut waiting = self.lock();
        let settled = settle(waiting.bodies.front()?.records);
        waiting.bodies.pop_front().map(|body| (body, settled))
    }

    /// Waits until a body waits, or the queue closes.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Data points that wait.
    pub(in crate::export) fn points(&self) -> u64 {
        self.lock().bodies.iter().map(|body| body.records).sum()
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
        Body { bytes: vec![], records }
    }

    /// Scenario: more collections than fit, then the queue closes, and one more comes.
    /// Guarantees: the oldest goes, each lost data point is counted, and what waited can be taken in order.
    #[test]
    fn the_oldest_collection_goes_first() {
        let queue = MetricQueue::default();
        (1..=METRIC_QUEUE_BODIES_MAX as u64 + 1).for_each(|records| queue.push(body(records)));
        assert_eq!(queue.dropped(), 1);
        queue.close();
        queue.push(body(100));
        assert_eq!(queue.dropped(), 101);
        let taken: Vec<u64> =
            std::iter::from_fn(|| queue.take(|records| records)).map(|(_, records)| records).collect();
        assert_eq!(taken, (2..=METRIC_QUEUE_BODIES_MAX as u64 + 1).collect::<Vec<_>>());
        assert_eq!(queue.points(), 0);
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
