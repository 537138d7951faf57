use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use super::*;

fn span(id: u8) -> Span {
    Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        name: format!("span {id}"),
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        kind: 2,
        attributes: vec![string("order.id", "ORD-1"), KeyValue { key: "bytes".into(), ..bytes_value() }],
        ..Span::default()
    }
}

fn string(key: &str, text: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(text.into())) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn bytes_value() -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::BytesValue(vec![1])) });
    KeyValue { value, ..KeyValue::default() }
}

fn body(spans: Vec<Span>) -> Vec<u8> {
    let resource =
        OtlpResource { attributes: vec![string("service.name", "crm-api")], ..OtlpResource::default() };
    let group = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

fn outcomes(body: &[u8]) -> Vec<Result<String, Reject>> {
    let mut seen = Vec::new();
    let walked = walk(body, |_, read| seen.push(read.map(|span| span.name.to_string())));
    assert_eq!(walked, Ok(()));
    seen
}

/// Scenario: a body of the official types is walked.
/// Guarantees: spans come in order with their resource, and attributes of unused types are left out.
#[test]
fn reads_what_official_types_write() {
    let body = body(vec![span(1), span(2)]);
    let mut names = Vec::new();
    walk(&body, |resource, read| {
        let span = read.unwrap();
        assert_eq!(resource.str("service.name"), Some("crm-api"));
        assert_eq!(span.attributes, [Attribute::new("order.id", "ORD-1")]);
        assert_eq!(span.kind, SpanKind::Server);
        names.push(span.name.to_string());
    })
    .unwrap();
    assert_eq!(names, ["span 1", "span 2"]);
}

/// Scenario: one span of three is broken in itself, in each possible way.
/// Guarantees: it is rejected with its reason, its neighbours are taken.
#[test]
fn a_broken_span_does_not_hide_its_neighbours() {
    type Case = (fn(&mut Span), Reject);
    let cases: [Case; 6] = [
        (|span| span.trace_id = vec![0; 16], Reject::InvalidTraceId),
        (|span| span.span_id = vec![1; 7], Reject::InvalidSpanId),
        (|span| span.parent_span_id = vec![1; 3], Reject::InvalidParentId),
        (|span| span.end_time_unix_nano = 0, Reject::BadTime),
        (|span| span.start_time_unix_nano = 0, Reject::BadTime),
        (|span| span.attributes = vec![string("k", "v"); ATTRIBUTES_MAX + 1], Reject::TooManyAttributes),
    ];
    for (break_it, reason) in cases {
        let mut broken = span(2);
        break_it(&mut broken);
        let seen = outcomes(&body(vec![span(1), broken, span(3)]));
        assert_eq!(seen, [Ok("span 1".into()), Err(reason), Ok("span 3".into())]);
    }
}

/// Scenario: text that is no UTF-8 stands in a span.
/// Guarantees: the span is rejected, the body is read on.
#[test]
fn bad_utf8_is_a_reject() {
    let mut bytes = body(vec![span(1), span(2)]);
    let at = bytes.windows(6).position(|window| window == b"span 1").unwrap();
    bytes[at] = 0xff;
    assert_eq!(outcomes(&bytes), [Err(Reject::BadUtf8), Ok("span 2".into())]);
}

/// Scenario: a valid body is cut at every length, and each of its bytes is turned over.
/// Guarantees: no panic; every error names a place inside the body.
#[test]
fn broken_bytes_are_errors_with_a_place() {
    let whole = body(vec![span(1), span(2)]);
    for len in 1..whole.len() {
        let error = check(&whole[..len]).unwrap_err();
        assert!(error.offset <= len, "{error}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            if let Err(error) = check(&bytes) {
                assert!(error.offset <= whole.len(), "{error}");
            }
        }
    }
    assert_eq!(check(b"{\"resourceSpans\":[]}").unwrap_err().what, "bad wire type");
}
