//! The trace context and the business ids in the headers of a message.
//!
//! Header names are those of W3C, in lower case, as all OpenTelemetry instrumentations of AMQP 0-9-1 write them.

mod arrived;
mod own;
mod size;

use std::sync::atomic::{AtomicU64, Ordering};

use journey_trace::Trust;
use journey_trace::propagation::{
    BAGGAGE, TRACEPARENT, TRACESTATE, baggage_header, extract_parts, traceparent_header,
};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::limits::HEADER_BYTES_MAX;

pub(crate) use arrived::{Arrived, moment, number, text};
pub use own::propagate;
pub(crate) use own::{ATTEMPT, PREVIOUS, SENT_MS, now_ms};
pub(crate) use size::fits;

/// Adds the trace context and the business ids of `cx` to the headers of a message.
///
/// Headers that are there stay, those of the same name are replaced. What would make the headers larger than
/// [`HEADER_BYTES_MAX`] is left out, `traceparent` excepted.
///
/// ```
/// use journey_lapin::{extract, inject};
/// use journey_trace::{ContextExt, JourneyCell, Key};
/// use lapin::BasicProperties;
/// use opentelemetry::Context;
///
/// let cell = JourneyCell::new();
/// cell.set(Key::Order, "ORD-1");
/// let properties = inject(BasicProperties::default(), &Context::new().with_cell(cell));
///
/// let cx = extract(&properties);
/// let cell = JourneyCell::of(&cx).expect("there was baggage");
/// assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
/// ```
pub fn inject(properties: BasicProperties, cx: &Context) -> BasicProperties {
    let mut writer = Writer::of(&properties, HEADER_BYTES_MAX);
    writer.put_context(cx);
    writer.into_properties(properties)
}

/// The context of a message: its creator's span as remote parent, and a cell with its business ids if it brings any.
///
/// Texts are read from whatever type the publisher's client gave them: long string, byte array or short string.
/// A message without baggage gives a context without a cell, which costs one allocation instead of four; who is going
/// to learn an id gives it one ([`journey_trace::ContextExt::with_cell`]), and a stage does so by itself. A
/// [`crate::TracedDelivery`] always has one.
pub fn extract(properties: &BasicProperties) -> Context {
    let arrived = Arrived::of(properties);
    match (arrived.baggage, arrived.creation()) {
        (None, None) => Context::new(),
        (None, Some(creation)) => Context::new().with_remote_span_context(creation),
        (Some(_), creation) => context(&arrived, creation),
    }
}

/// A context with this parent, and with a cell in every case.
pub(crate) fn context(arrived: &Arrived<'_>, parent: Option<SpanContext>) -> Context {
    // Whoever may publish to the broker is trusted: it stands behind the public edge.
    extract_parts(parent, arrived.baggage.into_iter(), Trust::Trusted)
}

/// How many headers were left out so far, in this process, because the message would have become too large.
pub fn dropped_headers() -> u64 {
    DROPPED_HEADERS.load(Ordering::Relaxed)
}

/// The headers of a message that is about to be sent.
pub(crate) struct Writer {
    headers: FieldTable,
    bytes_left: usize,
}

impl Writer {
    /// Starts with the headers that the message has.
    pub(crate) fn of(properties: &BasicProperties, bytes_max: usize) -> Self {
        let headers = properties.headers().clone().unwrap_or_default();
        let bytes_left = bytes_max.saturating_sub(size::of_headers(Some(&headers)));
        Self { headers, bytes_left }
    }

    /// The trace context comes first, so that it is the baggage for which no room is left.
    pub(crate) fn put_context(&mut self, cx: &Context) {
        let span = cx.span();
        let span = span.span_context();
        if let Some(traceparent) = traceparent_header(span) {
            let value = AMQPValue::LongString(traceparent.as_bytes().into());
            self.bytes_left = self.bytes_left.saturating_sub(size::of_entry(TRACEPARENT.len(), &value));
            self.headers.insert(TRACEPARENT.into(), value);
            let state = span.trace_state().header();
            if !state.is_empty() {
                self.put(TRACESTATE, AMQPValue::LongString(state.into()));
            }
        }
        if let Some(baggage) = baggage_header(cx) {
            self.put(BAGGAGE, AMQPValue::LongString(baggage.into()));
        }
    }

    /// Says when the message is sent: the start of its time in the queue.
    pub(crate) fn put_sent(&mut self) {
        self.put(own::SENT_MS, AMQPValue::LongLongInt(now_ms()));
    }

    pub(crate) fn into_properties(self, properties: BasicProperties) -> BasicProperties {
        if self.headers.inner().is_empty() {
            return properties;
        }
        properties.with_headers(self.headers)
    }

    /// Adds a header of ours if there is room, else counts it.
    pub(crate) fn put(&mut self, key: &'static str, value: AMQPValue) {
        let bytes = size::of_entry(key.len(), &value);
        if bytes > self.bytes_left {
            DROPPED_HEADERS.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.bytes_left -= bytes;
        self.headers.insert(key.into(), value);
    }
}

static DROPPED_HEADERS: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests;
