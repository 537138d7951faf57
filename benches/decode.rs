//! What does it cost to read a body?
//!
//! The same bodies are read three ways, which must find the same in them: our walk, the official types, and a walk that
//! does only what it must.

use std::hint::black_box;

use journey_model::{SpanStatus, Value};
use journey_otlp::wire;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message;

use crate::bare;
use crate::case::{Case, Cases};
use crate::needed::{Needed, Numbers};
use crate::orders::{BODY_SPANS, Orders};

/// By the name `decode/{decoder}`; an operation is one span.
pub fn cases() -> Cases {
    let decoders = [("bare", bare::walk as Decoder), ("journey", ours), ("official", official)];
    let cases = decoders.map(|(name, decoder)| {
        (format!("decode/{name}"), Box::new(move || decoding(decoder)) as Box<dyn FnOnce() -> Case>)
    });
    cases.into()
}

type Decoder = fn(&[u8]) -> Needed;

fn decoding(decoder: Decoder) -> Case {
    let mut bodies = Vec::new();
    let mut orders = Orders::new(BODY_SPANS as u32 * BODIES / 4);
    orders.spread(|_, _| ());
    orders.next(BODY_SPANS * BODIES as usize, |body, _| bodies.push(body.to_vec()));
    for body in &bodies {
        let expected = official(body);
        assert_eq!(decoder(body), expected, "the decoders do not read the same");
    }
    let mut turn = 0;
    let operation = move || {
        black_box(decoder(black_box(&bodies[turn])));
        turn = (turn + 1) % bodies.len();
    };
    Case { per_call: BODY_SPANS as u64, ..Case::bare(operation) }
}

fn ours(body: &[u8]) -> Needed {
    let mut needed = Needed::default();
    let walked = wire::walk(body, |_, read| {
        let span = read.expect("the bench's own spans are whole");
        let (trace_id, span_id) = (span.trace_id.to_bytes(), span.span_id.to_bytes());
        let parent = span.parent_span_id.map(|id| id.to_bytes());
        let numbers = Numbers {
            trace_id: &trace_id,
            span_id: &span_id,
            parent_span_id: parent.as_ref().map_or(&[], |id| id),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            kind: span.kind as u64,
            status: match span.status {
                SpanStatus::Unset => 0,
                SpanStatus::Ok => 1,
                SpanStatus::Error { .. } => 2,
            },
        };
        for attribute in &span.attributes {
            match &attribute.value {
                Value::Str(text) => needed.str_attribute(attribute.key.as_bytes(), text.as_bytes()),
                Value::Int(number) => needed.int_attribute(attribute.key.as_bytes(), number.cast_unsigned()),
                _ => {}
            }
        }
        needed.span(span.name.as_bytes(), numbers);
    });
    walked.expect("the bench's own bodies are whole");
    needed
}

fn official(body: &[u8]) -> Needed {
    let request = ExportTraceServiceRequest::decode(body).expect("the bench's own bodies are whole");
    let mut needed = Needed::default();
    for span in
        request.resource_spans.iter().flat_map(|group| &group.scope_spans).flat_map(|scope| &scope.spans)
    {
        official_attributes(&span.attributes, &mut needed);
        let numbers = Numbers {
            trace_id: &span.trace_id,
            span_id: &span.span_id,
            parent_span_id: &span.parent_span_id,
            start_ns: span.start_time_unix_nano,
            end_ns: span.end_time_unix_nano,
            kind: u64::from(span.kind.cast_unsigned()),
            status: span.status.as_ref().map_or(0, |status| u64::from(status.code.cast_unsigned())),
        };
        needed.span(span.name.as_bytes(), numbers);
    }
    needed
}

fn official_attributes(attributes: &[KeyValue], needed: &mut Needed) {
    for KeyValue { key, value, .. } in attributes {
        match value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(any_value::Value::StringValue(text)) => {
                needed.str_attribute(key.as_bytes(), text.as_bytes())
            }
            Some(any_value::Value::IntValue(number)) => {
                needed.int_attribute(key.as_bytes(), number.cast_unsigned())
            }
            _ => {}
        }
    }
}

/// Bodies that are read in turn, so that no branch is learnt by heart.
const BODIES: u32 = 32;
