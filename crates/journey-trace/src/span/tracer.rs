//! The tracer that guards start their spans with.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use opentelemetry::trace::{Span, SpanBuilder, TraceContextExt, TraceId, Tracer};
use opentelemetry::{Context, global};

use crate::sampling::Hint;
use crate::slot::{Seen, Slot};

/// What init sets up for the spans of this process.
pub struct Tracing {
    /// Starts the spans. Its provider must take trace ids from [`crate::span::drawn_trace_id`] if there is a `root`.
    pub start: StartSpan,
    /// Whether its sampler does as the parent did.
    pub follows_parent: bool,
    /// Its sampler's decision about a trace that begins here, if it can be known before the span starts.
    pub root: Option<RootDecision>,
}

/// Starts a span under a parent; gives the parent's `Context` with the span in it, and whether it is recorded.
///
/// A function instead of a `BoxedTracer`, whose spans are boxed twice on their way into a `Context`. [`start_with`]
/// makes one of any tracer.
pub type StartSpan = Box<dyn Fn(SpanBuilder, &Context) -> (Context, bool) + Send + Sync>;

/// Starts spans with this tracer.
pub fn start_with<T>(tracer: T) -> StartSpan
where
    T: Tracer + Send + Sync + 'static,
    T::Span: Send + Sync + 'static,
{
    Box::new(move |builder, parent| start_by(&tracer, builder, parent))
}

fn start_by<T>(tracer: &T, builder: SpanBuilder, parent: &Context) -> (Context, bool)
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
{
    let span = tracer.build_with_context(builder, parent);
    let is_recording = span.is_recording();
    (parent.with_span(span), is_recording)
}

/// Whether a trace that begins with this request is kept.
pub type RootDecision = Box<dyn Fn(&Hint<'_>, TraceId) -> bool + Send + Sync>;

/// Starts spans with this from now on. Called by init. Without it the global tracer is looked up for each span, so a
/// layer built before init works too.
pub fn install(tracing: Tracing) {
    INSTALLED.store(Some(tracing));
}

/// Back to the global tracer. Called at shutdown.
pub fn uninstall() {
    INSTALLED.store(None);
}

/// Spans that were started while no tracer was installed. Init says if there were any: they went to the global
/// tracer, which is a no-op before init.
pub fn early_starts() -> u64 {
    EARLY_STARTS.load(Relaxed)
}

/// Whether the sampler of what is installed does as the parent did.
pub(super) fn follows_parent() -> bool {
    INSTALLED.with(&SEEN, |installed| installed.is_some_and(|tracing| tracing.follows_parent))
}

/// Runs `start` with what is installed, else with the global tracer.
pub(super) fn with<T>(start: impl FnOnce(&Tracing) -> T) -> T {
    INSTALLED.with(&SEEN, |installed| match installed {
        Some(tracing) => start(tracing),
        None => {
            EARLY_STARTS.fetch_add(1, Relaxed);
            let tracer = start_with(global::tracer(SCOPE_NAME));
            start(&Tracing { start: tracer, follows_parent: false, root: None })
        }
    })
}

/// Name of the instrumentation scope of all spans and metrics made here.
pub const SCOPE_NAME: &str = "journey";

thread_local! {
    static SEEN: Seen<Tracing> = const { Seen::nothing() };
}

static INSTALLED: Slot<Tracing> = Slot::new();
static EARLY_STARTS: AtomicU64 = AtomicU64::new(0);
