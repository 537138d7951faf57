//! The cut against the generated OTLP types as the oracle.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use super::{SplitError, split};
use crate::limits::{MESSAGES_BYTES_MAX, REQUEST_BYTES_MAX};

fn text(value: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) })
}

fn span(name: &str, padding: usize) -> Span {
    Span { name: name.to_owned(), trace_state: "x".repeat(padding), ..Span::default() }
}

fn group(service: &str, scopes: Vec<Vec<Span>>) -> ResourceSpans {
    let attribute = KeyValue { key: "service.name".to_owned(), value: text(service), ..KeyValue::default() };
    ResourceSpans {
        resource: Some(Resource { attributes: vec![attribute], ..Resource::default() }),
        scope_spans: scopes
            .into_iter()
            .map(|spans| ScopeSpans {
                scope: Some(InstrumentationScope { name: "journey".to_owned(), ..Default::default() }),
                spans,
                schema_url: "scope schema".to_owned(),
            })
            .collect(),
        schema_url: "resource schema".to_owned(),
    }
}

/// All spans of the parts, each with what it belongs to.
fn flatten(parts: &[Vec<u8>]) -> Vec<(String, String, String, Span)> {
    let mut flat = Vec::new();
    for part in parts {
        let request = ExportTraceServiceRequest::decode(&part[..]).expect("each part is a request");
        for group in request.resource_spans {
            let resource = format!("{:?}", group.resource);
            for scope in group.scope_spans {
                let about = format!("{:?} {} {}", scope.scope, scope.schema_url, group.schema_url);
                flat.extend(
                    scope
                        .spans
                        .into_iter()
                        .map(|span| (resource.clone(), about.clone(), span.name.clone(), span)),
                );
            }
        }
    }
    flat
}

/// Scenario: requests of several shapes are cut at several limits.
/// Guarantees: every part is a request within the limit, and all parts together hold the same spans, in the same
/// order, each with its own resource, scope and schema URLs.
#[test]
fn parts_hold_the_same_spans() {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![
            group("shop-api", vec![vec![span("a", 10), span("b", 300)], vec![span("c", 5)]]),
            group("crm-api", vec![(0..40).map(|n| span(&format!("d{n}"), 100)).collect()]),
            group("mes-api", vec![]),
            group("mes-api", vec![vec![span("e", 0)]]),
        ],
    };
    let body = request.encode_to_vec();
    let whole = flatten(std::slice::from_ref(&body));
    assert_eq!(whole.len(), 44);
    for bytes_max in [500, 600, 1_000, 2_000, 4_000, 100_000] {
        let parts = split(&body, bytes_max).expect("all spans are smaller than the limit");
        assert!(parts.iter().all(|part| part.len() <= bytes_max), "limit {bytes_max}");
        assert_eq!(flatten(&parts), whole, "limit {bytes_max}");
    }
    assert_eq!(split(&body, 100_000).map(|parts| parts.len()), Ok(1));
}

/// Scenario: one span alone is above the limit.
/// Guarantees: the error says so and names the limit of the whole message.
#[test]
fn a_span_above_the_limit_is_refused() {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![group("shop-api", vec![vec![span("a", 10), span("b", 5_000)]])],
    };
    let refused = split(&request.encode_to_vec(), 1_000);
    assert_eq!(refused, Err(SplitError::SpanTooLarge { bytes_max: 1_000 }));
}

/// Scenario: 7 MB of spans under a resource that nearly fills a message, and under one that fills a third of it.
/// Guarantees: the first, which would become hundreds of messages, is refused with a reason; the second is cut.
#[test]
fn a_resource_that_multiplies_the_body_is_refused() {
    let parts = |resource_bytes: usize| {
        let spans = (0..1_000).map(|number| span(&format!("s{number}"), 7_000)).collect();
        let group = group(&"x".repeat(resource_bytes), vec![spans]);
        let body = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
        assert!(body.len() < REQUEST_BYTES_MAX);
        split(&body, 1_000_000)
    };
    let refused = parts(980_000).expect_err("each part would hold two spans");
    assert_eq!(refused, SplitError::PartsTooLarge { bytes_max: MESSAGES_BYTES_MAX });
    assert!(refused.to_string().contains("repeats its resource"), "{refused}");
    assert!(parts(300_000).is_ok_and(|parts| parts.len() > 7));
}

/// Scenario: bodies that end in the middle of a field, and an empty one.
/// Guarantees: no panic; broken framing is an error, an empty request has no parts.
#[test]
fn broken_framing_is_an_error() {
    for broken in [&[0x0a][..], &[0x0a, 5, 1], &[0xff; 11], &[0x0d, 1], &[0x0b]] {
        assert_eq!(split(broken, 100), Err(SplitError::Framing), "{broken:?}");
    }
    assert_eq!(split(&[], 100), Ok(vec![]));
}
