//! The signal of the process: span type `journey.process` of the registry.

use journey_model::{Attribute, ProcessState, Signal, SpanKind, SpanRecord, SpanStatus, attribute};

use crate::ids;

use super::clock;

/// A process signal. The queue adds the number.
pub(super) fn signal(state: ProcessState) -> SpanRecord<'static> {
    let now_ns = clock::now_ns();
    SpanRecord {
        trace_id: ids::random_trace_id(),
        span_id: ids::random_span_id(),
        parent_span_id: None,
        name: "process".into(),
        kind: SpanKind::Internal,
        start_ns: now_ns,
        end_ns: now_ns,
        flags: 0,
        trace_state: "".into(),
        attributes: vec![
            Attribute::new(attribute::JOURNEY_SIGNAL, Signal::Process.as_str()),
            Attribute::new(attribute::JOURNEY_PROCESS_STATE, state.as_str()),
        ],
        links: vec![],
        status: SpanStatus::Unset,
    }
}
