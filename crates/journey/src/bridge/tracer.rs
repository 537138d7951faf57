//! The tracer of bridged spans, looked up late.

use opentelemetry::Context;
use opentelemetry::global::{self, BoxedSpan};
use opentelemetry::trace::{SpanBuilder, Tracer};

/// The global tracer of the moment. One that was captured before init would stay a no-op for ever.
#[derive(Debug, Clone, Copy)]
pub(super) struct LateTracer;

impl Tracer for LateTracer {
    type Span = BoxedSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> BoxedSpan {
        global::tracer(SCOPE_NAME).build_with_context(builder, parent)
    }
}

/// Name of the instrumentation scope of bridged spans.
const SCOPE_NAME: &str = "journey.bridge";
