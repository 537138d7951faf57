//! The walk over bytes of the official types, whole, broken, and in layouts that nobody writes.

use journey_model::{Attribute, SpanKind, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
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

/// Scenario: attributes with short and long keys and values of every type, ASCII and not, stand side by side.
/// Guarantees: each is read as the official types wrote it, whatever its neighbours are.
#[test]
fn every_attribute_is_read() {
    let texts = ["", "a", "золото", "a\u{7f}", "\u{80}"].map(String::from);
    let texts = [&texts[..], &["x".repeat(127), "ж".repeat(64), "y".repeat(300)]].concat();
    let numbers = [0, 1, 127, 128, 16_383, 16_384, i64::MAX, -1, i64::MIN];
    let mut values: Vec<(any_value::Value, Value<'_>)> = Vec::new();
    for text in &texts {
        values.push((any_value::Value::StringValue(text.clone()), text.as_str().into()));
    }
    for number in numbers {
        values.push((any_value::Value::IntValue(number), number.into()));
        values.push((any_value::Value::DoubleValue(number as f64), (number as f64).into()));
        values.push((any_value::Value::BoolValue(number % 2 == 0), (number % 2 == 0).into()));
    }
    let list = [any_value::Value::StringValue("a".into()), any_value::Value::IntValue(-7)];
    let list = list.map(|value| AnyValue { value: Some(value) }).to_vec();
    let list = any_value::Value::ArrayValue(ArrayValue { values: list });
    values.push((list, Value::StrArray(vec!["a".into(), "-7".into()])));
    let mut attributes = Vec::new();
    let mut expected = Vec::new();
    for key in &texts {
        for (official, ours) in &values {
            let value = Some(AnyValue { value: Some(official.clone()) });
            attributes.push(KeyValue { key: key.clone(), value, ..KeyValue::default() });
            expected.push(Attribute::new(key.as_str(), ours.clone()));
        }
    }
    let read = |attributes: Vec<KeyValue>| {
        let body = body(vec![Span { attributes, ..span(1) }]);
        let mut read = Vec::new();
        walk(&body, |_, span| read = span.unwrap().attributes.iter().map(|one| format!("{one:?}")).collect())
            .unwrap();
        read
    };
    let expected: Vec<String> = expected.iter().map(|one| format!("{one:?}")).collect();
    assert_eq!(read(attributes.clone()), expected);
    attributes.reverse();
    assert_eq!(read(attributes), expected.into_iter().rev().collect::<Vec<_>>());
}

/// Scenario: the fields of an attribute come in another order, twice, in another layout, or with unknown ones.
/// Guarantees: they are read as protobuf has it: the last of each counts, the unknown do not.
#[test]
fn odd_attributes_are_read() {
    let key: &[u8] = b"\x0a\x03key";
    let value: &[u8] = b"\x12\x06\x0a\x04text";
    let of = |parts: &[&[u8]]| parts.concat();
    for (attribute, expected) in [
        (of(&[key, value]), Some(("key", Value::from("text")))),
        (of(&[value, key]), Some(("key", "text".into()))),
        (of(&[b"\x0a\x01x", key, b"\x12\x02\x18\x05", value]), Some(("key", "text".into()))),
        (of(&[key, b"\x12\x0b\x18\x01\x18\x02\x0a\x05after"]), Some(("key", "after".into()))),
        (of(&[key, b"\x12\x03\x18\x85\x00"]), Some(("key", 5.into()))),
        (of(&[key, b"\x12\x02\x10\x02"]), Some(("key", true.into()))),
        (of(&[key, value, b"\x7a\x01?"]), Some(("key", "text".into()))),
        (of(&[value]), Some(("", "text".into()))),
        (of(&[key, b"\x12\x02\x09\x01".as_slice(), &[0; 7]]), None),
        (of(&[key]), None),
        (of(&[key, b"\x12\x00"]), None),
    ] {
        let mut fields = span(1).encode_to_vec();
        fields.extend([0x4a, u8::try_from(attribute.len()).unwrap()]);
        fields.extend(&attribute);
        let body = nested(&[&[0x0a], &[0x12], &[0x12]], fields);
        let mut read = None;
        let walked =
            walk(&body, |_, span| read = span.unwrap().attributes.get(1).map(|one| format!("{one:?}")));
        let expected = expected.map(|(key, value)| format!("{:?}", Attribute::new(key, value)));
        // A length that does not fit is no attribute at all.
        assert!(walked.is_ok() || expected.is_none(), "{attribute:?}");
        assert_eq!(read, expected, "{attribute:?}");
    }
}

/// Scenario: texts that are no UTF-8 stand before, between and behind others; one is cut within a letter, and the bytes
/// behind it would complete it.
/// Guarantees: every one is found, and no span without one is rejected.
#[test]
fn each_text_is_checked_by_itself() {
    let good = |at: usize| (format!("key {at}").into_bytes(), b"value".to_vec());
    for bad in [&b"\xff"[..], b"\xd0", b"abc\xd0", b"\xe2\x82", b"\x80\x80", b"\xd0\xb6\xd0"] {
        for at in 0..4 {
            for in_key in [true, false] {
                let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..4).map(good).collect();
                let place = if in_key { &mut pairs[at].0 } else { &mut pairs[at].1 };
                *place = bad.to_vec();
                let mut fields = span(1).encode_to_vec();
                for (key, value) in &pairs {
                    let value = nested(&[&[0x0a]], value.clone());
                    let attribute = [nested(&[&[0x0a]], key.clone()), nested(&[&[0x12]], value)].concat();
                    fields.extend(nested(&[&[0x4a]], attribute));
                }
                let other = nested(&[&[0x12]], span(2).encode_to_vec());
                let spans = [nested(&[&[0x12]], fields), other].concat();
                let body = nested(&[&[0x0a], &[0x12]], spans);
                assert_eq!(outcomes(&body), [Err(Reject::BadUtf8), Ok("span 2".into())], "{bad:?} at {at}");
            }
        }
    }
}

/// The content, in fields of fields with these tags, from the outermost to the innermost.
fn nested(tags: &[&[u8]], content: Vec<u8>) -> Vec<u8> {
    tags.iter().rev().fold(content, |content, tag| {
        let mut length = content.len();
        let mut bytes = tag.to_vec();
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        [bytes, content].concat()
    })
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
