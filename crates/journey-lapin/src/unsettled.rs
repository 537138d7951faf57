//! The deliveries of one channel that are in somebody's hands, so that a settlement by tag ends their spans too.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use journey_trace::SpanGuard;
use journey_trace::attribute::JOURNEY_MESSAGING_OUTCOME;
use opentelemetry::KeyValue;

use crate::outcome::ConsumeOutcome;

/// The span of one delivery, until its first settlement.
pub(crate) struct OpenDelivery {
    delivery_tag: u64,
    /// Held for one read or write, never across an await.
    span: Mutex<Option<SpanGuard>>,
}

impl OpenDelivery {
    pub(crate) fn new(delivery_tag: u64, span: SpanGuard) -> Self {
        Self { delivery_tag, span: Mutex::new(Some(span)) }
    }

    /// Ends the span; a second settlement changes nothing.
    pub(crate) fn settle(&self, outcome: ConsumeOutcome) {
        if let Some(span) = self.end_unsaid() {
            span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OUTCOME, outcome.as_str()));
            if outcome.is_error() {
                span.fail(outcome.as_str(), "");
            }
        }
    }

    /// The handler failed; the span goes on until the message is settled.
    pub(crate) fn fail(&self, error_type: &'static str, description: impl Into<Cow<'static, str>>) {
        if let Some(span) = &*lock(&self.span) {
            span.fail(error_type, description);
        }
    }

    /// Takes the span, which ends when the caller drops it.
    pub(crate) fn end_unsaid(&self) -> Option<SpanGuard> {
        lock(&self.span).take()
    }

    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.span).is_none()
    }
}

/// By delivery tag. As large as the number of deliveries that the caller holds, so it needs no bound of its own.
#[derive(Default)]
pub(crate) struct Unsettled(Mutex<BTreeMap<u64, Weak<OpenDelivery>>>);

impl Unsettled {
    pub(crate) fn insert(&self, open: &Arc<OpenDelivery>) {
        lock(&self.0).insert(open.delivery_tag, Arc::downgrade(open));
    }

    /// Forgets a delivery. After a recovery of the channel its tag may be another's by now.
    pub(crate) fn remove(&self, open: &Arc<OpenDelivery>) {
        let mut by_tag = lock(&self.0);
        if by_tag.get(&open.delivery_tag).is_some_and(|held| std::ptr::eq(held.as_ptr(), Arc::as_ptr(open))) {
            by_tag.remove(&open.delivery_tag);
        }
    }

    /// Ends what a settlement covers: one tag, or with `multiple` all up to it. Tag 0 with `multiple` is all there are.
    pub(crate) fn settle(&self, delivery_tag: u64, multiple: bool, outcome: ConsumeOutcome) {
        let covered = match (delivery_tag, multiple) {
            (0, true) => 0..=u64::MAX,
            (tag, true) => 0..=tag,
            (tag, false) => tag..=tag,
        };
        let open: Vec<_> = lock(&self.0).extract_if(covered, |_, _| true).map(|(_, open)| open).collect();
        // The spans end without the lock: a span processor may take its time.
        for open in open.iter().filter_map(Weak::upgrade) {
            open.settle(outcome);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done by a panic in these few lines.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
