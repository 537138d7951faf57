//! The trace context and the business ids in the headers of a message.
//!
//! Header names are those of W3C, in lower case, as all OpenTelemetry instrumentations of AMQP 0-9-1 write them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use journey_trace::Trust;
use journey_trace::propagation::{TRACEPARENT, remote_span_context};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::SpanContext;

use crate::limits::HEADER_BYTES_MAX;

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
/// let cell = JourneyCell::of(&cx).expect("extract always gives a cell");
/// assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
/// ```
pub fn inject(properties: BasicProperties, cx: &Context) -> BasicProperties {
    inject_within(properties, cx, HEADER_BYTES_MAX)
}

/// The context of a message: its creator's span as remote parent, and a fresh cell with its business ids.
///
/// Texts are read from whatever type the publisher's client gave them: long string, byte array or short string.
/// A message without these headers gives a context without a parent, and an empty cell.
pub fn extract(properties: &BasicProperties) -> Context {
    // Whoever may publish to the broker is trusted: it stands behind the public edge.
    journey_trace::extract(&HeaderExtractor(properties.headers().as_ref()), Trust::Trusted)
}

/// How many headers were left out so far, in this process, because the message would have become too large.
pub fn dropped_headers() -> u64 {
    DROPPED_HEADERS.load(Ordering::Relaxed)
}

pub(crate) fn inject_within(properties: BasicProperties, cx: &Context, bytes_max: usize) -> BasicProperties {
    let headers = properties.headers().as_ref().map(FieldTable::inner).cloned().unwrap_or_default();
    let used = headers.iter().map(|(key, value)| entry_bytes(key.as_str().len(), value)).sum();
    let mut injector = HeaderInjector { headers, bytes_left: bytes_max.saturating_sub(used) };
    journey_trace::inject(cx, &mut injector);
    if injector.headers.is_empty() {
        return properties;
    }
    properties.with_headers(injector.headers.into())
}

/// The span in which somebody created this message, if the headers name one.
pub(crate) fn creation_context(properties: &BasicProperties) -> Option<SpanContext> {
    remote_span_context(&HeaderExtractor(properties.headers().as_ref()))
}

struct HeaderInjector {
    headers: BTreeMap<ShortString, AMQPValue>,
    bytes_left: usize,
}

impl Injector for HeaderInjector {
    fn set(&mut self, key: &str, value: String) {
        let value = AMQPValue::LongString(value.into());
        let bytes = entry_bytes(key.len(), &value);
        // The trace context comes first, so that it is the baggage for which no room is left.
        if bytes > self.bytes_left && key != TRACEPARENT {
            DROPPED_HEADERS.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // `From` would panic on a longer name.
        let Ok(key) = ShortString::try_new(key) else { return };
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.headers.insert(key, value);
    }
}

struct HeaderExtractor<'a>(Option<&'a FieldTable>);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        text(self.0?.inner().get(key)?)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.map(|headers| headers.inner().keys().map(ShortString::as_str).collect()).unwrap_or_default()
    }
}

/// The text in a header. Clients differ in the type they give it.
fn text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ByteArray(bytes) => std::str::from_utf8(bytes.as_slice()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// Bytes of one header on the wire: length of the name, name, type, value.
fn entry_bytes(key_bytes: usize, value: &AMQPValue) -> usize {
    1 + key_bytes + 1 + value_bytes(value)
}

/// Source: RabbitMQ's AMQP 0-9-1 errata, section 3, "Field types".
fn value_bytes(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldArray(array) => {
            4 + array.as_slice().iter().map(|value| 1 + value_bytes(value)).sum::<usize>()
        }
        AMQPValue::FieldTable(table) => {
            4 + table.into_iter().map(|(key, value)| entry_bytes(key.as_str().len(), value)).sum::<usize>()
        }
    }
}

static DROPPED_HEADERS: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests;
