//! A wish for the tail sampler.

use journey_model::attribute::JOURNEY_KEEP;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};

/// Asks the tail sampler to keep the whole current trace, by `journey.keep` on the current span.
///
/// Does nothing if head sampling has dropped the trace already. A stage is no span and cannot carry the wish; it is
/// never sampled away itself.
pub fn keep_trace() {
    Context::map_current(|cx| {
        if cx.span().is_recording() {
            cx.span().set_attribute(KeyValue::new(JOURNEY_KEEP, true));
        }
    });
}
