//! A span that goes all the way to the queue of the export, and no further.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SpanData;

/// Known to the span processor while init looks whether spans arrive there.
#[derive(Debug)]
pub(crate) struct Probe {
    trace_id: TraceId,
    is_on: AtomicBool,
    arrived: AtomicBool,
}

impl Probe {
    /// A probe that is on.
    pub(crate) fn new() -> Self {
        // Random in its upper half, so that it is nobody's; samplers by ratio look at the lower, and keep this one.
        let trace_id = u128::from(rand::random::<u64>()) << 64 | 1;
        Self { trace_id: trace_id.into(), is_on: AtomicBool::new(true), arrived: AtomicBool::new(false) }
    }

    /// The `Context` that the probe's spans start in: inside of a sampled span of somebody else.
    pub(crate) fn parent(&self) -> Context {
        let caller =
            SpanContext::new(self.trace_id, SpanId::from(1), TraceFlags::SAMPLED, true, TraceState::NONE);
        Context::new().with_remote_span_context(caller)
    }

    pub(crate) fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Whether this is a span of the probe, which nobody else is to see.
    pub(crate) fn is_of(&self, span: &SpanContext) -> bool {
        self.is_on.load(Relaxed) && span.trace_id() == self.trace_id
    }

    /// Takes the span if it is one of the probe.
    pub(crate) fn takes(&self, span: &SpanData) -> bool {
        let is_ours = self.is_of(&span.span_context);
        if is_ours {
            self.arrived.store(true, Relaxed);
        }
        is_ours
    }

    /// Whether a span arrived since the last time this was asked.
    pub(crate) fn has_arrived(&self) -> bool {
        self.arrived.swap(false, Relaxed)
    }

    /// From now on all spans are somebody's.
    pub(crate) fn end(&self) {
        self.is_on.store(false, Relaxed);
    }
}
