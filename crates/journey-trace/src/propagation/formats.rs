//! Which headers are read and written: the effect of `OTEL_PROPAGATORS`.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Headers that a process reads and writes. Default: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats {
    /// `traceparent` and `tracestate`. Without them every request is the beginning of a trace.
    pub trace_context: bool,
    /// `baggage`, by which ids travel.
    pub baggage: bool,
}

/// Reads and writes these from now on, in requests and messages. A [`crate::Carrier`] always has both.
pub fn set_formats(formats: Formats) {
    let bits = (u8::from(formats.trace_context) * TRACE_CONTEXT) | (u8::from(formats.baggage) * BAGGAGE);
    FORMATS.store(bits, Relaxed);
}

pub(super) fn has_trace_context() -> bool {
    FORMATS.load(Relaxed) & TRACE_CONTEXT != 0
}

pub(super) fn has_baggage() -> bool {
    FORMATS.load(Relaxed) & BAGGAGE != 0
}

const TRACE_CONTEXT: u8 = 1;
const BAGGAGE: u8 = 2;

static FORMATS: AtomicU8 = AtomicU8::new(TRACE_CONTEXT | BAGGAGE);
