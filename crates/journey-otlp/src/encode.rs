//! Records to the bytes of one OTLP `ExportTraceServiceRequest`.
//!
//! One pass over the records, no message structs. The length of a span, and of the lists around it, is known only
//! after it is written, so it gets a varint of fixed width that is filled in afterwards: protobuf allows leading
//! zero groups, and three bytes a span cost less than a second pass.

use journey_model::{Attribute, Link, Resource, SpanKind, SpanRecord, SpanStatus, Value};

use crate::details::{Details, Event, Scope};
use crate::protobuf::{STATUS_ERROR, STATUS_OK, field, wire_type};

/// One export request: a resource, one scope, and spans as they are pushed.
#[derive(Debug)]
pub struct Request {
    bytes: Vec<u8>,
    resource_spans: Gap,
    scope_spans: Gap,
    spans: usize,
}

impl Request {
    /// An empty request of this resource and instrumentation scope. An empty `schema_url` is left out.
    pub fn new(resource: &Resource<'_>, scope_name: &str, schema_url: &str) -> Self {
        Self::of_scope(resource, Scope { name: scope_name, version: "", schema_url })
    }

    /// The same for a scope that may have a version.
    pub fn of_scope(resource: &Resource<'_>, scope: Scope<'_>) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        let resource_spans = Gap::open(&mut bytes, field::REQUEST_RESOURCE_SPANS);
        let resource_gap = Gap::open(&mut bytes, field::RESOURCE_SPANS_RESOURCE);
        for attribute in &resource.attributes {
            put_attribute(&mut bytes, field::RESOURCE_ATTRIBUTES, attribute);
        }
        resource_gap.close(&mut bytes);
        let scope_spans = Gap::open(&mut bytes, field::RESOURCE_SPANS_SCOPE_SPANS);
        let scope_gap = Gap::open(&mut bytes, field::SCOPE_SPANS_SCOPE);
        put_str(&mut bytes, field::SCOPE_NAME, scope.name);
        put_str(&mut bytes, field::SCOPE_VERSION, scope.version);
        scope_gap.close(&mut bytes);
        put_str(&mut bytes, field::SCOPE_SPANS_SCHEMA_URL, scope.schema_url);
        Self { bytes, resource_spans, scope_spans, spans: 0 }
    }

    /// Appends one span.
    pub fn push(&mut self, span: &SpanRecord<'_>) {
        self.push_with(span, &Details::default());
    }

    /// Appends one span and what else there is to say of it.
    pub fn push_with(&mut self, span: &SpanRecord<'_>, details: &Details<'_>) {
        let gap = Gap::open(&mut self.bytes, field::SCOPE_SPANS_SPANS);
        put_span(&mut self.bytes, span);
        put_details(&mut self.bytes, details);
        gap.close(&mut self.bytes);
        self.spans += 1;
    }

    /// Number of spans so far.
    pub fn spans(&self) -> usize {
        self.spans
    }

    /// Size so far, in bytes.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The finished body.
    pub fn finish(mut self) -> Vec<u8> {
        self.scope_spans.close(&mut self.bytes);
        self.resource_spans.close(&mut self.bytes);
        self.bytes
    }
}

/// Place of a length that is not known yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    /// Offset of the first byte after the length.
    start: usize,
}

impl Gap {
    pub(crate) fn open(bytes: &mut Vec<u8>, number: u32) -> Self {
        put_tag(bytes, number, wire_type::BYTES);
        bytes.extend_from_slice(&[0; LENGTH_WIDTH]);
        Self { start: bytes.len() }
    }

    pub(crate) fn close(self, bytes: &mut [u8]) {
        let mut length = bytes.len() - self.start;
        let place = &mut bytes[self.start - LENGTH_WIDTH..self.start];
        for (at, byte) in place.iter_mut().enumerate() {
            let more = if at + 1 < LENGTH_WIDTH { 0x80 } else { 0 };
            *byte = (length & 0x7f) as u8 | more;
            length >>= 7;
        }
    }
}

fn put_span(bytes: &mut Vec<u8>, span: &SpanRecord<'_>) {
    put_bytes(bytes, field::SPAN_TRACE_ID, &span.trace_id.to_bytes());
    put_bytes(bytes, field::SPAN_SPAN_ID, &span.span_id.to_bytes());
    put_str(bytes, field::SPAN_TRACE_STATE, &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        put_bytes(bytes, field::SPAN_PARENT_SPAN_ID, &parent.to_bytes());
    }
    put_str(bytes, field::SPAN_NAME, &span.name);
    if span.kind != SpanKind::Unspecified {
        put_varint_field(bytes, field::SPAN_KIND, span.kind as u64);
    }
    put_fixed64(bytes, field::SPAN_START, span.start_ns);
    put_fixed64(bytes, field::SPAN_END, span.end_ns);
    for attribute in &span.attributes {
        put_attribute(bytes, field::SPAN_ATTRIBUTES, attribute);
    }
    for link in &span.links {
        put_link(bytes, link);
    }
    put_status(bytes, &span.status);
    if span.flags != 0 {
        put_tag(bytes, field::SPAN_FLAGS, wire_type::FIXED32);
        bytes.extend_from_slice(&u32::from(span.flags).to_le_bytes());
    }
}

fn put_link(bytes: &mut Vec<u8>, link: &Link<'_>) {
    let gap = Gap::open(bytes, field::SPAN_LINKS);
    put_bytes(bytes, field::LINK_TRACE_ID, &link.trace_id.to_bytes());
    put_bytes(bytes, field::LINK_SPAN_ID, &link.span_id.to_bytes());
    for attribute in &link.attributes {
        put_attribute(bytes, field::LINK_ATTRIBUTES, attribute);
    }
    gap.close(bytes);
}

fn put_details(bytes: &mut Vec<u8>, details: &Details<'_>) {
    details.events.iter().for_each(|event| put_event(bytes, event));
    put_count(bytes, field::SPAN_DROPPED_ATTRIBUTES, details.dropped_attributes);
    put_count(bytes, field::SPAN_DROPPED_EVENTS, details.dropped_events);
    put_count(bytes, field::SPAN_DROPPED_LINKS, details.dropped_links);
}

fn put_event(bytes: &mut Vec<u8>, event: &Event<'_>) {
    let gap = Gap::open(bytes, field::SPAN_EVENTS);
    put_fixed64(bytes, field::EVENT_TIME, event.time_ns);
    put_str(bytes, field::EVENT_NAME, &event.name);
    for attribute in &event.attributes {
        put_attribute(bytes, field::EVENT_ATTRIBUTES, attribute);
    }
    put_count(bytes, field::EVENT_DROPPED_ATTRIBUTES, event.dropped_attributes);
    gap.close(bytes);
}

fn put_count(bytes: &mut Vec<u8>, number: u32, count: u32) {
    if count != 0 {
        put_varint_field(bytes, number, count.into());
    }
}

fn put_status(bytes: &mut Vec<u8>, status: &SpanStatus<'_>) {
    let (code, description) = match status {
        SpanStatus::Unset => return,
        SpanStatus::Ok => (STATUS_OK, ""),
        SpanStatus::Error { description } => (STATUS_ERROR, &**description),
    };
    let gap = Gap::open(bytes, field::SPAN_STATUS);
    put_str(bytes, field::STATUS_MESSAGE, description);
    put_varint_field(bytes, field::STATUS_CODE, code);
    gap.close(bytes);
}

fn put_attribute(bytes: &mut Vec<u8>, number: u32, attribute: &Attribute<'_>) {
    if let Value::Str(text) = &attribute.value
        && attribute.key.len() + text.len() <= SHORT_MAX
    {
        return put_short_text(bytes, number, &attribute.key, text);
    }
    let value_len = value_len(&attribute.value);
    let key_len = 1 + varint_len(attribute.key.len() as u64) + attribute.key.len();
    put_tag(bytes, number, wire_type::BYTES);
    put_varint(bytes, (key_len + 1 + varint_len(value_len as u64) + value_len) as u64);
    // The key is written even if it is empty: `key_len` counts it.
    put_tag(bytes, field::KEY_VALUE_KEY, wire_type::BYTES);
    put_varint(bytes, attribute.key.len() as u64);
    bytes.extend_from_slice(attribute.key.as_bytes());
    put_tag(bytes, field::KEY_VALUE_VALUE, wire_type::BYTES);
    put_varint(bytes, value_len as u64);
    put_value(bytes, &attribute.value);
}

/// Nearly all attributes are short texts. Their lengths have one byte each, so the framing is written in two pieces
/// instead of eight; this halves the cost of a span. The number of the field is below 16.
fn put_short_text(bytes: &mut Vec<u8>, number: u32, key: &str, text: &str) {
    let tag = |number: u32| (number << 3 | wire_type::BYTES) as u8;
    let (key_len, text_len) = (key.len() as u8, text.len() as u8);
    bytes.reserve(SHORT_FRAMING + key.len() + text.len());
    bytes.extend_from_slice(&[tag(number), key_len + text_len + 6, tag(field::KEY_VALUE_KEY), key_len]);
    bytes.extend_from_slice(key.as_bytes());
    bytes.extend_from_slice(&[tag(field::KEY_VALUE_VALUE), text_len + 2, tag(field::ANY_STRING), text_len]);
    bytes.extend_from_slice(text.as_bytes());
}

/// Bytes of framing around the key and the text of a short attribute.
const SHORT_FRAMING: usize = 8;
/// Bytes of key and text together, so that the length of the whole attribute has one byte.
const SHORT_MAX: usize = 0x7f - 6;

fn value_len(value: &Value<'_>) -> usize {
    let str_len = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
    match value {
        Value::Bool(_) => 2,
        Value::Double(_) => 9,
        Value::Int(number) => 1 + varint_len(number.cast_unsigned()),
        Value::Str(text) => str_len(text),
        Value::StrArray(texts) => {
            let values = array_len(texts.iter().map(|text| str_len(text)));
            1 + varint_len(values as u64) + values
        }
    }
}

fn array_len(values: impl Iterator<Item = usize>) -> usize {
    values.map(|len| 1 + varint_len(len as u64) + len).sum()
}

fn put_value(bytes: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(truth) => put_varint_field(bytes, field::ANY_BOOL, u64::from(*truth)),
        Value::Double(number) => put_fixed64(bytes, field::ANY_DOUBLE, number.to_bits()),
        Value::Int(number) => put_varint_field(bytes, field::ANY_INT, number.cast_unsigned()),
        Value::Str(text) => put_any_str(bytes, text),
        Value::StrArray(texts) => {
            let any_len = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
            put_tag(bytes, field::ANY_ARRAY, wire_type::BYTES);
            put_varint(bytes, array_len(texts.iter().map(|text| any_len(text))) as u64);
            for text in texts {
                put_tag(bytes, field::ARRAY_VALUES, wire_type::BYTES);
                put_varint(bytes, any_len(text) as u64);
                put_any_str(bytes, text);
            }
        }
    }
}

/// An `AnyValue` of type string is written even if the text is empty: it is a oneof.
fn put_any_str(bytes: &mut Vec<u8>, text: &str) {
    put_bytes(bytes, field::ANY_STRING, text.as_bytes());
}

pub(crate) fn put_str(bytes: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(bytes, number, text.as_bytes());
    }
}

fn put_bytes(bytes: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_tag(bytes, number, wire_type::BYTES);
    put_varint(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

fn put_fixed64(bytes: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(bytes, number, wire_type::FIXED64);
    bytes.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_varint_field(bytes: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(bytes, number, wire_type::VARINT);
    put_varint(bytes, value);
}

fn put_tag(bytes: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(bytes, u64::from(number << 3 | wire_type));
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes kept free for a length: four groups of seven bits, 256 MiB.
const LENGTH_WIDTH: usize = 4;

#[cfg(test)]
mod tests {
    use journey_model::{SpanId, TraceId};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use opentelemetry_proto::tonic::trace::v1::Span;
    use prost::Message;

    use super::*;

    /// Scenario: a span with every kind of attribute, a link, an event and an error is encoded, and read by the official types.
    /// Guarantees: they see what was written.
    #[test]
    fn official_types_read_what_we_write() {
        let trace_id = TraceId::from_bytes([7; 16]).unwrap();
        let span_id = SpanId::from_bytes([9; 8]).unwrap();
        let span = SpanRecord {
            trace_id,
            span_id,
            parent_span_id: SpanId::from_bytes([3; 8]),
            name: "stage price.final".into(),
            kind: SpanKind::Consumer,
            start_ns: 5,
            end_ns: u64::MAX,
            flags: 1,
            trace_state: "a=b".into(),
            attributes: vec![
                Attribute::new("s", "text"),
                Attribute::new("empty", ""),
                Attribute::new("b", true),
                Attribute::new("i", -1),
                Attribute::new("d", 0.25),
                Attribute::new("a", Value::StrArray(vec!["x".into(), "".into()])),
            ],
            links: vec![Link { trace_id, span_id, attributes: vec![Attribute::new("why", "retry")] }],
            status: SpanStatus::Error { description: "no".into() },
        };
        let resource = Resource { attributes: vec![Attribute::new("service.name", "mes-api")] };
        let event = Event {
            time_ns: 6,
            name: "exception".into(),
            attributes: vec![Attribute::new("exception.message", "no")],
            dropped_attributes: 300,
        };
        let details =
            Details { events: vec![event], dropped_attributes: 1, dropped_events: 2, dropped_links: 3 };
        let scope = Scope { name: "journey", version: "1.2.3", schema_url: "https://schema" };
        let mut request = Request::of_scope(&resource, scope);
        request.push_with(&span, &details);
        request.push(&span);
        assert_eq!(request.spans(), 2);

        let read = ExportTraceServiceRequest::decode(&*request.finish()).unwrap();
        let group = &read.resource_spans[0];
        let resource = group.resource.as_ref().unwrap();
        assert_eq!(resource.attributes[0].key, "service.name");
        let scope = &group.scope_spans[0];
        assert_eq!((scope.schema_url.as_str(), scope.spans.len()), ("https://schema", 2));
        assert_eq!(scope.scope.as_ref().unwrap().version, "1.2.3");
        let first = &scope.spans[0];
        let counts = |span: &Span| {
            [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count]
        };
        assert_eq!((counts(first), counts(&scope.spans[1])), ([1, 2, 3], [0; 3]));
        let [event] = &first.events[..] else { panic!("not one event") };
        assert_eq!(
            (event.time_unix_nano, &*event.name, event.dropped_attributes_count),
            (6, "exception", 300)
        );
        assert_eq!(event.attributes[0].key, "exception.message");
        assert_eq!(first.trace_id, [7; 16]);
        assert_eq!((first.kind, first.flags, first.end_time_unix_nano), (5, 1, u64::MAX));
        assert_eq!(first.links[0].attributes[0].key, "why");
        let status = first.status.as_ref().unwrap();
        assert_eq!((status.code, status.message.as_str()), (2, "no"));
        let values: Vec<Any> = first.attributes.iter().filter_map(|kv| kv.value.clone()?.value).collect();
        assert_eq!(values.len(), 6);
        assert_eq!(values[1], Any::StringValue(String::new()));
        assert_eq!(values[3], Any::IntValue(-1));
        let Any::ArrayValue(array) = &values[5] else { panic!("no array: {:?}", values[5]) };
        assert_eq!(array.values.len(), 2);
    }

    /// Scenario: texts of every length around the longest that has a short form.
    /// Guarantees: the official types read each of them, whichever form it has.
    #[test]
    fn short_and_long_texts_are_read_alike() {
        let text = "x".repeat(300);
        let attributes: Vec<_> = (0..text.len()).map(|len| Attribute::new("key", &text[..len])).collect();
        let request = Request::new(&Resource { attributes }, "", "");
        let read = ExportTraceServiceRequest::decode(&*request.finish()).unwrap();
        let read = &read.resource_spans[0].resource.as_ref().unwrap().attributes;
        assert_eq!(read.len(), text.len());
        for (len, attribute) in read.iter().enumerate() {
            assert_eq!(attribute.key, "key");
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            assert_eq!(value, Some(&Any::StringValue(text[..len].to_owned())));
        }
    }
}
