//! SDK spans that we own: HTTP, SQL and AMQP spans are made here.

mod described;
mod keep;
mod lists;
mod start;
mod tracer;

use std::borrow::Cow;
use std::time::{Duration, Instant, SystemTime};

use journey_model::attribute;
use opentelemetry::trace::{Link, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use crate::JourneyCell;
use crate::sampling::Hint;

pub use described::Described;
pub use keep::keep_trace;
pub use lists::{attribute_list, give_back_lists};
pub use start::{drawn_trace_id, is_dropped, is_kept_already, is_starting_own};
pub use tracer::{
    RootDecision, SCOPE_NAME, StartSpan, Tracing, early_starts, install, start_with, uninstall,
};

/// An SDK span that we own: ended by this guard exactly once, with the ids of its cell as they are known then.
///
/// A plain span ends when the last clone of its `Context` drops; a background task that keeps one makes a finished
/// request look as long as the task. Its length is measured by the monotonic clock.
///
/// ```
/// use journey_trace::SpanGuard;
/// use opentelemetry::Context;
/// use opentelemetry::trace::SpanKind;
///
/// let span = SpanGuard::start("render label", SpanKind::Internal, vec![], vec![], &Context::current());
/// let attached = span.context().clone().attach();
/// // Spans started here are its children.
/// drop(attached);
/// span.end();
/// ```
#[derive(Debug)]
#[must_use = "the span ends when the guard drops"]
pub struct SpanGuard {
    context: Context,
    started: Instant,
    /// Start by the wall clock, if anybody will see the span.
    recorded_since: Option<SystemTime>,
    /// Set when the caller has measured the length.
    duration: Option<Duration>,
}

impl SpanGuard {
    /// Starts a span under `parent`, with a link of its own if `parent` asks for one
    /// ([`crate::propagation::remote_link`]).
    ///
    /// If the trace is surely not kept, no span is made at all: the parent's `Context` goes on, and with it the
    /// caller's trace. [`SpanGuard::start_described`] spares the attributes too.
    pub fn start(
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        attributes: Vec<KeyValue>,
        links: Vec<Link>,
        parent: &Context,
    ) -> Self {
        let name = name.into();
        Self::start_described(kind, &Hint::default(), parent, || Described { name, attributes, links })
    }

    /// Starts a span, and asks for its name and attributes only if it may be recorded.
    ///
    /// It surely is not if parents are followed and `parent` is not sampled, or if there is no parent and the rules
    /// and the ratio that init has installed drop the trace. `request` is what rules look at; for a span that is no
    /// request it is empty.
    pub fn start_described(
        kind: SpanKind,
        request: &Hint<'_>,
        parent: &Context,
        describe: impl FnOnce() -> Described,
    ) -> Self {
        let started = Instant::now();
        let (context, recorded_since) = start::start(kind, request, parent, Duration::ZERO, describe);
        Self { context, started, recorded_since, duration: None }
    }

    /// Like [`SpanGuard::start_described`], for work that began `ago` and whose span is only now known to be wanted.
    pub fn start_past(
        ago: Duration,
        kind: SpanKind,
        parent: &Context,
        describe: impl FnOnce() -> Described,
    ) -> Self {
        let now = Instant::now();
        let (context, recorded_since) = start::start(kind, &Hint::default(), parent, ago, describe);
        Self { context, started: now.checked_sub(ago).unwrap_or(now), recorded_since, duration: None }
    }

    /// The parent's `Context` with this span active; the cell is the parent's.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether anybody will see the span. Attributes that cost something need not be made if not.
    pub fn is_recording(&self) -> bool {
        self.recorded_since.is_some()
    }

    /// When it started, also if nobody will see the span.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Time since the start, also if nobody will see the span.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Adds an attribute. The SDK keeps two values of one key, so each is set once.
    pub fn set_attribute(&self, kv: KeyValue) {
        if self.is_recording() {
            self.context.span().set_attribute(kv);
        }
    }

    /// Adds attributes, each key once and none that is there already.
    pub fn set_attributes(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        if self.is_recording() {
            self.context.span().set_attributes(attributes);
        }
    }

    /// Changes the name.
    pub fn update_name(&self, name: impl Into<Cow<'static, str>>) {
        if self.is_recording() {
            self.context.span().update_name(name);
        }
    }

    /// Marks the span as failed: `error.type`, and the status Error with a description that may be empty.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) {
        if self.is_recording() {
            let span = self.context.span();
            span.set_attribute(KeyValue::new(attribute::ERROR_TYPE, error_type.into()));
            span.set_status(Status::error(description));
        }
    }

    /// Ends the span now, as dropping the guard does.
    pub fn end(self) {}

    /// Ends the span with this length, so that it agrees with a metric of the same work.
    pub fn end_at(mut self, duration: Duration) {
        self.set_duration(duration);
    }

    /// Sets the length that the span will have, whenever it ends.
    pub fn set_duration(&mut self, duration: Duration) {
        self.duration = Some(duration);
    }
}

impl Drop for SpanGuard {
    fn drop(&mut self) {
        let Some(start) = self.recorded_since else { return };
        let end = start + self.duration.unwrap_or_else(|| self.elapsed());
        let span = self.context.span();
        if let Some(cell) = JourneyCell::of(&self.context) {
            cell.each_attribute(|attribute| span.set_attribute(attribute));
        }
        span.end_with_timestamp(end);
    }
}

#[cfg(test)]
mod tests;
