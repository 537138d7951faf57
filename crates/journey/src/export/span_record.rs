//! Spans of the SDK to records that the encoder takes, without copying what can be borrowed.

use std::borrow::Cow;
use std::time::SystemTime;

use journey_model::{Attribute, Link, SpanId, SpanKind, SpanRecord, SpanStatus, TraceId, Value};
use journey_otlp::{Details, Event};
use opentelemetry::trace::{self, Status};
use opentelemetry::{Array, KeyValue};
use opentelemetry_sdk::trace::SpanData;

use super::Item;

/// The record of an item and what else there is to say of it, text values cut to `value_chars`; `None` without valid
/// ids, which the SDK never ends a recording span with.
pub(super) fn of(item: &Item, value_chars: Option<usize>) -> Option<(SpanRecord<'_>, Details<'_>)> {
    match item {
        Item::Span(span) => {
            let (mut record, mut details) = (of_span(span)?, details(span));
            if let Some(chars) = value_chars {
                let of_links = record.links.iter_mut().flat_map(|link| &mut link.attributes);
                let of_events = details.events.iter_mut().flat_map(|event| &mut event.attributes);
                let all = record.attributes.iter_mut().chain(of_links).chain(of_events);
                all.for_each(|one| cut(&mut one.value, chars));
            }
            Some((record, details))
        }
        Item::Stage(record) => Some(((**record).clone(), Details::default())),
    }
}

/// Our own spans have no events, since the conventions move them to log records; those of users and of other libraries
/// may have some.
fn details(span: &SpanData) -> Details<'_> {
    Details {
        events: span.events.iter().map(event).collect(),
        dropped_attributes: span.dropped_attributes_count,
        dropped_events: span.events.dropped_count,
        dropped_links: span.links.dropped_count,
    }
}

fn event(event: &trace::Event) -> Event<'_> {
    Event {
        time_ns: nanos(event.timestamp),
        name: Cow::Borrowed(&event.name),
        attributes: attributes(&event.attributes),
        dropped_attributes: event.dropped_attributes_count,
    }
}

/// What a journey can read of a span.
pub(crate) fn of_span(span: &SpanData) -> Option<SpanRecord<'_>> {
    let start_ns = nanos(span.start_time);
    Some(SpanRecord {
        trace_id: TraceId::from_bytes(span.span_context.trace_id().to_bytes())?,
        span_id: SpanId::from_bytes(span.span_context.span_id().to_bytes())?,
        parent_span_id: SpanId::from_bytes(span.parent_span_id.to_bytes()),
        name: Cow::Borrowed(&span.name),
        kind: kind(&span.span_kind),
        start_ns,
        // A wall clock that was set back must not give a span of negative length.
        end_ns: nanos(span.end_time).max(start_ns),
        flags: span.span_context.trace_flags().to_u8(),
        trace_state: span.span_context.trace_state().header().into(),
        attributes: attributes(&span.attributes),
        links: span.links.iter().filter_map(link).collect(),
        status: match &span.status {
            Status::Unset => SpanStatus::Unset,
            Status::Ok => SpanStatus::Ok,
            Status::Error { description } => SpanStatus::Error { description: Cow::Borrowed(description) },
        },
    })
}

fn link(link: &trace::Link) -> Option<Link<'_>> {
    Some(Link {
        trace_id: TraceId::from_bytes(link.span_context.trace_id().to_bytes())?,
        span_id: SpanId::from_bytes(link.span_context.span_id().to_bytes())?,
        attributes: attributes(&link.attributes),
    })
}

fn attributes(attributes: &[KeyValue]) -> Vec<Attribute<'_>> {
    attributes.iter().map(|kv| Attribute::new(kv.key.as_str(), value(&kv.value))).collect()
}

fn value(value: &opentelemetry::Value) -> Value<'_> {
    match value {
        opentelemetry::Value::Bool(truth) => Value::Bool(*truth),
        opentelemetry::Value::I64(number) => Value::Int(*number),
        opentelemetry::Value::F64(number) => Value::Double(*number),
        opentelemetry::Value::String(text) => Value::Str(Cow::Borrowed(text.as_str())),
        opentelemetry::Value::Array(array) => Value::StrArray(texts(array)),
        // The enum is open; a value of a later kind is better as text than lost.
        other => Value::Str(Cow::Owned(other.to_string())),
    }
}

/// Lists of numbers become lists of texts: none of the conventions we follow has one.
fn texts(array: &Array) -> Vec<Cow<'_, str>> {
    fn owned<'a, T: ToString>(values: &[T]) -> Vec<Cow<'a, str>> {
        values.iter().map(|value| Cow::Owned(value.to_string())).collect()
    }
    match array {
        Array::Bool(values) => owned(values),
        Array::I64(values) => owned(values),
        Array::F64(values) => owned(values),
        Array::String(values) => values.iter().map(|value| Cow::Borrowed(value.as_str())).collect(),
        // The enum is open.
        _ => vec![],
    }
}

/// Cuts texts to this number of characters.
fn cut(value: &mut Value<'_>, chars: usize) {
    let cut_text = |text: &mut Cow<'_, str>| {
        if let Some((end, _)) = text.char_indices().nth(chars) {
            match text {
                Cow::Borrowed(text) => *text = &text[..end],
                Cow::Owned(text) => text.truncate(end),
            }
        }
    };
    match value {
        Value::Str(text) => cut_text(text),
        Value::StrArray(texts) => texts.iter_mut().for_each(cut_text),
        Value::Bool(_) | Value::Double(_) | Value::Int(_) => {}
    }
}

fn kind(kind: &trace::SpanKind) -> SpanKind {
    match kind {
        trace::SpanKind::Client => SpanKind::Client,
        trace::SpanKind::Server => SpanKind::Server,
        trace::SpanKind::Producer => SpanKind::Producer,
        trace::SpanKind::Consumer => SpanKind::Consumer,
        trace::SpanKind::Internal => SpanKind::Internal,
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: texts, borrowed, owned and in a list, shorter and longer than the limit, with characters of several
    /// bytes.
    /// Guarantees: they have at most that many characters, and numbers stay.
    #[test]
    fn texts_are_cut_by_characters() {
        let cut = |mut value: Value<'static>| {
            cut(&mut value, 3);
            value
        };
        assert_eq!(cut(Value::Str("prüfen".into())), Value::Str("prü".into()));
        assert_eq!(cut(Value::Str("prü".to_owned().into())), Value::Str("prü".into()));
        assert_eq!(
            cut(Value::StrArray(vec!["abcd".into(), "".into()])),
            Value::StrArray(vec!["abc".into(), "".into()])
        );
        assert_eq!(cut(Value::Int(12345)), Value::Int(12345));
    }
}
