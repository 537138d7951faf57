//! SDK spans that we own: HTTP, SQL and AMQP spans are made here.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use journey_model::attribute;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{Link, Span, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use crate::{JourneyCell, propagation};

/// An SDK span that we own: ended by this guard exactly once, with the ids of its cell as they are known then.
///
/// A plain span ends when the last clone of its `Context` drops; a background task that keeps one makes a finished
/// request look as long as the task.
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
    recording: bool,
}

impl SpanGuard {
    /// Starts a span under `parent`, with a link of its own if `parent` asks for one
    /// ([`propagation::remote_link`]).
    ///
    /// Under an unsampled parent, with a sampler that follows parents, no span is made at all: the parent's
    /// `Context` goes on, and with it the caller's trace.
    pub fn start(
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        attributes: Vec<KeyValue>,
        links: Vec<Link>,
        parent: &Context,
    ) -> Self {
        if is_surely_unsampled(parent) {
            return Self { context: parent.clone(), recording: false };
        }
        let builder = SpanBuilder::from_name(name)
            .with_kind(kind)
            .with_attributes(attributes)
            .with_links(with_remote_link(links, parent));
        let span = with_tracer(|tracer| start_own(tracer, builder, parent));
        Self { recording: span.is_recording(), context: parent.with_span(span) }
    }

    /// The parent's `Context` with this span active; the cell is the parent's.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether anybody will see the span. Attributes that cost something need not be made if not.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// Adds an attribute. The SDK keeps two values of one key, so each is set once.
    pub fn set_attribute(&self, kv: KeyValue) {
        if self.recording {
            self.context.span().set_attribute(kv);
        }
    }

    /// Changes the name.
    pub fn update_name(&self, name: impl Into<Cow<'static, str>>) {
        if self.recording {
            self.context.span().update_name(name);
        }
    }

    /// Marks the span as failed: `error.type`, and the status Error with a description that may be empty.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) {
        if self.recording {
            let span = self.context.span();
            span.set_attribute(KeyValue::new(attribute::ERROR_TYPE, error_type.into()));
            span.set_status(Status::error(description));
        }
    }

    /// Ends the span now, as dropping the guard does.
    pub fn end(self) {}
}

impl Drop for SpanGuard {
    fn drop(&mut self) {
        if !self.recording {
            return;
        }
        let span = self.context.span();
        if let Some(cell) = JourneyCell::of(&self.context) {
            span.set_attributes(cell.attributes());
        }
        span.end();
    }
}

/// Takes the tracer that guards start their spans with, and whether its sampler follows a parent's decision. Called
/// by init. Without it the global tracer is looked up for each span, so a layer built before init works too.
pub fn install_tracer(tracer: BoxedTracer, follows_parent: bool) {
    *TRACER.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tracer));
    FOLLOWS_PARENT.store(follows_parent, Relaxed);
}

/// Back to the global tracer. Called at shutdown.
pub fn uninstall_tracer() {
    FOLLOWS_PARENT.store(false, Relaxed);
    *TRACER.write().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Whether a [`SpanGuard`] starts its span on this thread just now. A span processor that stamps ids on start
/// leaves such a span alone: it gets them at its end, and the SDK would keep both.
pub fn is_starting_own() -> bool {
    STARTING_OWN.get()
}

/// Name of the instrumentation scope of all spans made here.
pub const SCOPE_NAME: &str = "journey";

static TRACER: RwLock<Option<Arc<BoxedTracer>>> = RwLock::new(None);
static FOLLOWS_PARENT: AtomicBool = AtomicBool::new(false);

thread_local! {
    static STARTING_OWN: Cell<bool> = const { Cell::new(false) };
}

fn with_tracer<T>(start: impl FnOnce(&BoxedTracer) -> T) -> T {
    let installed = TRACER.read().unwrap_or_else(PoisonError::into_inner).clone();
    match installed {
        Some(tracer) => start(&tracer),
        None => start(&global::tracer(SCOPE_NAME)),
    }
}

fn start_own(tracer: &BoxedTracer, builder: SpanBuilder, parent: &Context) -> global::BoxedSpan {
    let _mark = StartingOwn::mark();
    tracer.build_with_context(builder, parent)
}

/// Keeps the mark until the span is built, whatever a processor does.
struct StartingOwn;

impl StartingOwn {
    fn mark() -> Self {
        STARTING_OWN.set(true);
        Self
    }
}

impl Drop for StartingOwn {
    fn drop(&mut self) {
        STARTING_OWN.set(false);
    }
}

fn is_surely_unsampled(parent: &Context) -> bool {
    let span = parent.span();
    let span = span.span_context();
    FOLLOWS_PARENT.load(Relaxed) && span.is_valid() && !span.is_sampled()
}

fn with_remote_link(mut links: Vec<Link>, parent: &Context) -> Vec<Link> {
    if let Some(link) = propagation::remote_link(parent)
        && !links.iter().any(|given| given.span_context == link.span_context)
    {
        links.push(link);
    }
    links
}
