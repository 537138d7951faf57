//! The one span of a batch.

use std::borrow::Cow;
use std::mem;
use std::sync::{Arc, Mutex};

use journey_trace::SpanGuard;
use journey_trace::attribute::{JOURNEY_MESSAGING_OUTCOME, JOURNEY_MESSAGING_OVERDUE};
use opentelemetry::KeyValue;

use crate::consumer::Source;
use crate::destination::Destination;
use crate::metrics::{self, Sample};
use crate::outcome::ConsumeOutcome;

use super::lock;

/// A span that ends when the last of its messages is settled. It shows the worst outcome among them.
pub(crate) struct SharedSpan {
    source: Arc<Source>,
    destination: Arc<Destination>,
    /// Held for one read or write.
    inner: Mutex<Inner>,
}

struct Inner {
    /// Gone once it has ended.
    span: Option<SpanGuard>,
    outcome: Option<ConsumeOutcome>,
    error_type: Option<&'static str>,
    is_overdue: bool,
}

impl SharedSpan {
    pub(crate) fn new(span: SpanGuard, destination: &Arc<Destination>, source: &Arc<Source>) -> Arc<Self> {
        let inner =
            Mutex::new(Inner { span: Some(span), outcome: None, error_type: None, is_overdue: false });
        Arc::new(Self { source: Arc::clone(source), destination: Arc::clone(destination), inner })
    }

    pub(super) fn settled(&self, outcome: ConsumeOutcome) {
        let mut inner = lock(&self.inner);
        if inner.outcome.is_none_or(|worst| worst.severity() < outcome.severity()) {
            inner.outcome = Some(outcome);
        }
    }

    /// One of its messages is near the broker's timeout. True for the first: they were taken together.
    pub(super) fn overdue(&self) -> bool {
        let mut inner = lock(&self.inner);
        if let Some(span) = &inner.span
            && !inner.is_overdue
        {
            span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OVERDUE, true));
        }
        !mem::replace(&mut inner.is_overdue, true)
    }

    pub(super) fn fail(&self, failure: &'static str, description: impl Into<Cow<'static, str>>) {
        let mut inner = lock(&self.inner);
        if inner.error_type.is_none() {
            inner.error_type = Some(failure);
            if let Some(span) = &inner.span {
                span.fail(failure, description);
            }
        }
    }
}

impl Drop for SharedSpan {
    fn drop(&mut self) {
        let mut inner = lock(&self.inner);
        let Some(span) = inner.span.take() else { return };
        let outcome = inner.outcome;
        let own = outcome.filter(|outcome| outcome.is_error()).map(ConsumeOutcome::as_str);
        if let Some(outcome) = outcome {
            span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OUTCOME, outcome.as_str()));
        }
        if inner.error_type.is_none()
            && let Some(own) = own
        {
            span.fail(own, "");
        }
        let duration = span.elapsed();
        let error_type = inner.error_type.or(own);
        let Source { operation, state, .. } = &*self.source;
        metrics::process(&Sample::new(*operation, &self.destination, error_type, state), duration);
        span.end_at(duration);
    }
}
