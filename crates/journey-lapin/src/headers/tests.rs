//! Headers in and out.

use journey_trace::{ContextExt, JourneyCell, Key};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, ByteArray, FieldTable, ShortString};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use super::{Arrived, Writer, dropped_headers, extract, inject};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn span_context(state: TraceState) -> SpanContext {
    let trace_id = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").expect("hex");
    let span_id = SpanId::from_hex("00f067aa0ba902b7").expect("hex");
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, state)
}

fn context(order: &str, state: TraceState) -> Context {
    let cell = JourneyCell::new();
    cell.set(Key::Order, order);
    Context::new().with_remote_span_context(span_context(state)).with_cell(cell)
}

fn with_header(key: &str, value: AMQPValue) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(key.into(), value);
    BasicProperties::default().with_headers(headers)
}

fn names(properties: &BasicProperties) -> Vec<&str> {
    let headers = properties.headers().as_ref();
    headers.map(|headers| headers.inner().keys().map(ShortString::as_str).collect()).unwrap_or_default()
}

fn text<'a>(properties: &'a BasicProperties, key: &str) -> Option<&'a str> {
    super::text(properties.headers().as_ref()?.inner().get(key)?)
}

/// Scenario: a context with span and order is injected and extracted again.
/// Guarantees: parent and order arrive, the user's own header stays, and no empty `tracestate` is sent.
#[test]
fn a_round_trip_keeps_span_and_order() {
    let sent = inject(with_header("mine", AMQPValue::LongInt(7)), &context("ORD-1", TraceState::NONE));
    assert_eq!(names(&sent), ["baggage", "mine", "traceparent"]);
    assert_eq!(text(&sent, "traceparent"), Some(TRACEPARENT));
    let cx = extract(&sent);
    assert_eq!(cx.span().span_context(), &span_context(TraceState::NONE));
    let cell = JourneyCell::of(&cx).expect("there was baggage");
    assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
}

/// Scenario: a context with a `tracestate`, and one with neither span nor ids.
/// Guarantees: the state is sent; of nothing, nothing is sent, not even an empty table.
#[test]
fn only_what_is_there_is_sent() {
    let state = TraceState::from_key_value([("vendor", "1")]).expect("valid");
    let sent = inject(BasicProperties::default(), &context("ORD-1", state));
    assert_eq!(text(&sent, "tracestate"), Some("vendor=1"));
    assert_eq!(inject(BasicProperties::default(), &Context::new()), BasicProperties::default());
}

/// Scenario: publishers in other languages give the header other types; some are no text.
/// Guarantees: every text is read, everything else gives no parent and no error.
#[test]
fn texts_of_any_type_are_read() {
    let texts = [
        AMQPValue::LongString(TRACEPARENT.into()),
        AMQPValue::ShortString(TRACEPARENT.into()),
        AMQPValue::ByteArray(ByteArray::from(TRACEPARENT.as_bytes())),
    ];
    for value in texts {
        assert!(Arrived::of(&with_header("traceparent", value.clone())).creation().is_some(), "{value:?}");
    }
    for value in [AMQPValue::LongLongInt(1), AMQPValue::LongString(vec![0xff, 0xfe].into()), AMQPValue::Void]
    {
        let properties = with_header("traceparent", value);
        assert_eq!(Arrived::of(&properties).creation(), None);
        assert!(!extract(&properties).span().span_context().is_valid());
    }
}

/// Scenario: the user's own headers leave no room.
/// Guarantees: baggage and state stay behind and are counted, `traceparent` is there all the same.
#[test]
fn baggage_is_dropped_first_and_the_parent_never() {
    let state = TraceState::from_key_value([("vendor", "1")]).expect("valid");
    let cx = context("ORD-1", state);
    let within = |properties: BasicProperties, bytes_max| {
        let mut writer = Writer::of(&properties, bytes_max);
        writer.put_context(&cx);
        writer.into_properties(properties)
    };
    let before = dropped_headers();
    let filling = AMQPValue::LongString("x".repeat(900).into());
    let sent = within(with_header("mine", filling.clone()), 900);
    assert_eq!(names(&sent), ["mine", "traceparent"]);
    let sent = within(with_header("mine", filling), 1_020);
    assert_eq!(names(&sent), ["mine", "traceparent", "tracestate"]);
    assert!(dropped_headers() >= before + 3);
}
