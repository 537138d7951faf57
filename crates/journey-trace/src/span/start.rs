//! The start of a span, or the decision that there is none.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};

use crate::sampling::Hint;
use crate::{ids, propagation};

use super::tracer::{self, Tracing};
use super::{Described, RootDecision};

/// The `Context` inside the span, and since when it is recorded, if it is.
pub(super) fn start(
    kind: SpanKind,
    request: &Hint<'_>,
    parent: &Context,
    ago: Duration,
    describe: impl FnOnce() -> Described,
) -> (Context, Option<SystemTime>) {
    tracer::with(|tracing| {
        let decided = decide(tracing, request, parent);
        let drawn = match decided {
            Decided::Dropped(context) => return (context, None),
            Decided::Kept(trace_id) => Some(trace_id),
            Decided::ByTheSampler => None,
        };
        let Described { name, attributes, links } = describe();
        let start = SystemTime::now() - ago;
        let builder = SpanBuilder::from_name(name)
            .with_kind(kind)
            .with_start_time(start)
            .with_attributes(attributes)
            .with_links(with_remote_link(links, parent));
        let _mark = StartingOwn::mark(drawn);
        let (context, is_recording) = (tracing.start)(builder, parent);
        (context, is_recording.then_some(start))
    })
}

/// What is known before the sampler is asked.
enum Decided {
    ByTheSampler,
    /// Nobody will see the span. Inside of it goes on what the parent had.
    Dropped(Context),
    /// The trace begins here with this id, and is kept.
    Kept(TraceId),
}

fn decide(tracing: &Tracing, request: &Hint<'_>, parent: &Context) -> Decided {
    let span = parent.span();
    let span = span.span_context();
    match &tracing.root {
        _ if !tracing.follows_parent => Decided::ByTheSampler,
        _ if span.is_valid() && !span.is_sampled() => Decided::Dropped(parent.clone()),
        Some(root) if !span.is_valid() => decide_root(root, request, parent),
        _ => Decided::ByTheSampler,
    }
}

/// Draws the id that the decision is about. A dropped trace has an id too, so that callees do as we do.
fn decide_root(root: &RootDecision, request: &Hint<'_>, parent: &Context) -> Decided {
    let (trace_id, span_id) = ids::to_otel(ids::random_trace_id(), ids::random_span_id());
    if root(request, trace_id) {
        return Decided::Kept(trace_id);
    }
    let dropped = SpanContext::new(trace_id, span_id, TraceFlags::default(), false, TraceState::NONE);
    Decided::Dropped(parent.with_remote_span_context(dropped))
}

/// Whether nobody will see a span under this parent: it is not sampled, and parents are followed. Then what a span
/// would be made of need not be found out, and work may go on in `parent` itself.
pub fn is_dropped(parent: &Context) -> bool {
    let span = parent.span();
    let span = span.span_context();
    span.is_valid() && !span.is_sampled() && tracer::follows_parent()
}

fn with_remote_link(mut links: Vec<Link>, parent: &Context) -> Vec<Link> {
    if let Some(link) = propagation::remote_link(parent)
        && !links.iter().any(|given| given.span_context == link.span_context)
    {
        links.push(link);
    }
    links
}

/// Whether a [`super::SpanGuard`] starts its span on this thread just now. A span processor that stamps ids on start
/// leaves such a span alone: it gets them at its end, and the SDK would keep both.
pub fn is_starting_own() -> bool {
    STARTING_OWN.get()
}

/// The trace id that was decided about before the span that starts on this thread just now. The SDK's id generator
/// takes it, because its sampler must come to the same answer.
pub fn drawn_trace_id() -> Option<TraceId> {
    DRAWN.take()
}

/// Whether the span that starts on this thread just now begins a trace that is kept already, so that the sampler need
/// not ask the rules again.
pub fn is_kept_already() -> bool {
    IS_KEPT.get()
}

thread_local! {
    static IS_KEPT: Cell<bool> = const { Cell::new(false) };
    static STARTING_OWN: Cell<bool> = const { Cell::new(false) };
    static DRAWN: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Keeps the marks until the span is built, whatever a processor does.
struct StartingOwn;

impl StartingOwn {
    fn mark(drawn: Option<TraceId>) -> Self {
        STARTING_OWN.set(true);
        IS_KEPT.set(drawn.is_some());
        DRAWN.set(drawn);
        Self
    }
}

impl Drop for StartingOwn {
    fn drop(&mut self) {
        STARTING_OWN.set(false);
        IS_KEPT.set(false);
        DRAWN.set(None);
    }
}
