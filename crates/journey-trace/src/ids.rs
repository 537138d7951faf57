//! Ids of the OpenTelemetry API to ids of the journey model and back.

use journey_model::{SpanId, TraceId};
use opentelemetry::trace;

/// The trace id, `None` if it is all zero.
pub(crate) fn trace_id(id: trace::TraceId) -> Option<TraceId> {
    TraceId::from_bytes(id.to_bytes())
}

/// The span id, `None` if it is all zero.
pub(crate) fn span_id(id: trace::SpanId) -> Option<SpanId> {
    SpanId::from_bytes(id.to_bytes())
}

/// A new trace id.
pub(crate) fn random_trace_id() -> TraceId {
    // One draw in 2^128 is all zero; the loop ends at the next one.
    loop {
        if let Some(id) = TraceId::from_bytes(rand::random()) {
            return id;
        }
    }
}

/// A new span id.
pub(crate) fn random_span_id() -> SpanId {
    loop {
        if let Some(id) = SpanId::from_bytes(rand::random()) {
            return id;
        }
    }
}

/// The ids as the OpenTelemetry API has them.
pub(crate) fn to_otel(trace_id: TraceId, span_id: SpanId) -> (trace::TraceId, trace::SpanId) {
    (trace::TraceId::from_bytes(trace_id.to_bytes()), trace::SpanId::from_bytes(span_id.to_bytes()))
}
