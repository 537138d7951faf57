//! What the official types read from what is written.

use journey_model::{Attribute, Link, SpanId, SpanKind, SpanStatus, TraceId, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::*;
use crate::details::Event;

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
    let details = Details { events: vec![event], dropped_attributes: 1, dropped_events: 2, dropped_links: 3 };
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
    let counts =
        |span: &Span| [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
    assert_eq!((counts(first), counts(&scope.spans[1])), ([1, 2, 3], [0; 3]));
    let [event] = &first.events[..] else { panic!("not one event") };
    assert_eq!((event.time_unix_nano, &*event.name, event.dropped_attributes_count), (6, "exception", 300));
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
