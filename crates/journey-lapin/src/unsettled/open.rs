//! One delivery until its first settlement.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use journey_trace::attribute::{JOURNEY_MESSAGING_OUTCOME, JOURNEY_MESSAGING_OVERDUE};
use journey_trace::metrics::is_installed;
use lapin::message::Delivery;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use crate::consumer::Source;
use crate::destination::{Destination, lasting_queue};
use crate::history::{self, MessageKey};
use crate::metrics::{self, Sample};
use crate::outcome::ConsumeOutcome;

use super::{SharedSpan, lock};

/// A delivery in somebody's hands, and the span that it ends.
pub(crate) struct OpenDelivery {
    /// In here and not beside it: a message is half a kilobyte, and this is moved about as one pointer.
    pub(crate) delivery: Delivery,
    pub(crate) source: Arc<Source>,
    pub(crate) destination: Arc<Destination>,
    pub(crate) context: Context,
    /// Number of this delivery among all of its message, from 1.
    pub(crate) attempt: i64,
    /// Known if somebody will see the span, and the message may come again.
    key: Option<MessageKey>,
    /// Since when the broker waits, as far as it can be known: the message came, or it was handed over.
    since: Instant,
    is_overdue: AtomicBool,
    is_settled: AtomicBool,
    /// Held for one read or write, never across an await.
    work: Mutex<Option<Work>>,
}

/// What is found out about a delivery before it is open.
pub(crate) struct Beginning {
    pub(crate) destination: Arc<Destination>,
    pub(crate) context: Context,
    pub(crate) attempt: i64,
    pub(crate) key: Option<MessageKey>,
    pub(crate) since: Instant,
    pub(crate) work: Work,
}

/// The span of a delivery.
pub(crate) enum Work {
    /// Its own; the first failure is the cause of the others, and the SDK would keep two values of `error.type`.
    Alone { span: SpanGuard, error_type: Option<&'static str> },
    /// That of its batch.
    InBatch(Arc<SharedSpan>),
}

impl OpenDelivery {
    pub(crate) fn new(delivery: Delivery, source: &Arc<Source>, beginning: Beginning) -> Arc<Self> {
        let Beginning { destination, context, attempt, key, since, work } = beginning;
        if let Some(key) = key {
            history::begin(key, context.span().span_context().clone());
        }
        let (is_overdue, is_settled) = Default::default();
        let (source, work) = (Arc::clone(source), Mutex::new(Some(work)));
        Arc::new(Self {
            delivery,
            source,
            destination,
            context,
            attempt,
            key,
            since,
            is_overdue,
            is_settled,
            work,
        })
    }

    /// Ends the span; a second settlement changes nothing.
    pub(crate) fn settle(&self, outcome: ConsumeOutcome) {
        let Some(work) = self.take() else { return };
        self.learn(outcome);
        metrics::outcome(self.source.operation, &self.destination, outcome.as_str());
        match work {
            Work::Alone { span, error_type } => {
                let own = Some(outcome.as_str()).filter(|_| outcome.is_error());
                if span.is_recording() {
                    span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OUTCOME, outcome.as_str()));
                    if let (None, Some(own)) = (error_type, own) {
                        span.fail(own, "");
                    }
                }
                self.end_alone(span, error_type.or(own));
            }
            Work::InBatch(span) => span.settled(outcome),
        }
    }

    /// The handler failed; the span goes on until the message is settled.
    pub(crate) fn fail(&self, failure: &'static str, description: impl Into<Cow<'static, str>>) {
        match &mut *lock(&self.work) {
            Some(Work::Alone { span, error_type }) if error_type.is_none() => {
                *error_type = Some(failure);
                span.fail(failure, description);
            }
            Some(Work::InBatch(span)) => span.fail(failure, description),
            _ => {}
        }
    }

    /// Ends the span without an outcome.
    pub(crate) fn end_unsaid(&self) {
        let Some(work) = self.take() else { return };
        if let Some(key) = &self.key {
            history::end(key, &self.span_context());
        }
        if let Work::Alone { span, error_type } = work {
            self.end_alone(span, error_type);
        }
    }

    /// Its channel failed, or its connection was lost and recovered: a settlement has no effect on it any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.delivery.acker.poisoned()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// How long it is in somebody's hands.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// How long the broker waits for its acknowledgement, by the settings that its consumer was made with.
    pub(crate) fn ack_timeout(&self) -> Duration {
        self.source.state.config.settings.ack_timeout
    }

    /// Warns once, once for a batch, that the broker is about to take the message back.
    pub(crate) fn warn_overdue(&self, timeout: Duration) {
        if self.is_overdue.swap(true, Ordering::Relaxed) || self.is_settled() {
            return;
        }
        let is_told = match &*lock(&self.work) {
            Some(Work::Alone { span, .. }) => {
                span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OVERDUE, true));
                true
            }
            Some(Work::InBatch(span)) => span.overdue(),
            None => return,
        };
        let queue = self.source.queue.as_str();
        metrics::overdue(lasting_queue(queue));
        // One line for a batch, and not one for each of its messages.
        if !is_told {
            return;
        }
        // With the message's own context, so that a log line has its trace and its order.
        let _attached = self.context.clone().attach();
        tracing::warn!(
            name: "journey.messaging.overdue",
            queue,
            delivery_tag = self.delivery.delivery_tag,
            unsettled_s = self.age().as_secs_f64(),
            timeout_s = timeout.as_secs_f64(),
            "a message is not settled, and the broker is about to close the channel over it"
        );
    }

    /// What became of it matters for the next delivery.
    fn learn(&self, outcome: ConsumeOutcome) {
        let Some(key) = self.key else { return };
        if outcome.may_come_again() {
            history::remember(key, self.span_context());
        } else {
            history::forget(&key, &self.span_context());
        }
    }

    fn span_context(&self) -> SpanContext {
        self.context.span().span_context().clone()
    }

    fn end_alone(&self, span: SpanGuard, error_type: Option<&str>) {
        // To look at a clock costs more than all the rest of a message that nobody sees.
        if !span.is_recording() && !is_installed() {
            return;
        }
        let duration = span.elapsed();
        let Source { operation, state, .. } = &*self.source;
        metrics::process(&Sample::new(*operation, &self.destination, error_type, state), duration);
        span.end_at(duration);
    }

    /// The work, for the first who settles. The span ends without the lock: a span processor may take its time.
    fn take(&self) -> Option<Work> {
        if self.is_settled.swap(true, Ordering::AcqRel) {
            return None;
        }
        if !self.source.no_ack {
            self.source.state.unsettled.remove(self);
        }
        lock(&self.work).take()
    }
}
