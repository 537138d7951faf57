//! What a log line says of its trace and its order, as text and as JSON.

use std::io::Write;
use std::sync::{Arc, Mutex};

use journey_trace::ContextExt;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::{JourneyCell, Key};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Kept;

    fn make_writer(&'a self) -> Kept {
        self.clone()
    }
}

/// The lines that `work` logs in this format, inside of a request on an order.
fn logged(format: Format, work: impl FnOnce()) -> Vec<String> {
    let kept = Kept::default();
    let layer = tracing_subscriber::fmt::layer()
        .fmt_fields(Fields::for_format(&format))
        .event_format(format.with_span_fields())
        .with_ansi(false)
        .with_writer(kept.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let cell = JourneyCell::new();
        cell.set(Key::Order, "ORD-1\"}");
        let cx = Context::new().with_cell(cell).with_remote_span_context(SpanContext::new(
            TraceId::from(0x4bf9),
            SpanId::from(0x00f0),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        ));
        let _attached = cx.attach();
        work();
    });
    kept.lines()
}

/// The only line, as JSON.
fn json(lines: &[String]) -> Value {
    let [line] = lines else { panic!("not one line: {lines:?}") };
    serde_json::from_str(line).expect("each line is one object")
}

/// Scenario: an event in a request on an order, as text.
/// Guarantees: the usual line, and at its end trace, span and order.
#[test]
fn text_ends_with_the_ids() {
    let lines = logged(Format::text(), || tracing::info!(amount = 3, "paid"));
    let [line] = &lines[..] else { panic!("not one line: {lines:?}") };
    let end = "journey::log::tests: paid amount=3 trace_id=00000000000000000000000000004bf9 \
               span_id=00000000000000f0 order.id=ORD-1\"}";
    assert!(line.ends_with(end), "{line}");
}

/// Scenario: the same as JSON, with an id that has a quote and a brace, inside of a span with late fields.
/// Guarantees: one object with flat keys, whatever the texts hold, and the span's fields.
#[test]
fn json_has_flat_keys() {
    let lines = logged(Format::json(), || {
        let span = tracing::info_span!("pay", cart = "c-1", late = tracing::field::Empty);
        span.record("late", 7);
        span.in_scope(|| tracing::warn!(amount = 3, "paid {}", "}"));
    });
    let line = json(&lines);
    assert_eq!(line["trace_id"], "00000000000000000000000000004bf9");
    assert_eq!(line["span_id"], "00000000000000f0");
    assert_eq!(line["order.id"], "ORD-1\"}");
    assert_eq!((&line["message"], &line["amount"]), (&"paid }".into(), &3.into()));
    assert_eq!((&line["level"], &line["target"]), (&"WARN".into(), &"journey::log::tests".into()));
    assert_eq!(line["span"], serde_json::json!({ "name": "pay", "cart": "c-1", "late": 7 }));
}

/// Scenario: an event has fields of the names that we would add.
/// Guarantees: its own stay, and no key comes twice.
#[test]
fn an_events_own_field_stays() {
    let lines = logged(Format::json(), || tracing::info!(order.id = "ORD-2", trace_id = "mine", "paid"));
    assert_eq!(lines[0].matches("order.id").count(), 1);
    let line = json(&lines);
    assert_eq!((&line["order.id"], &line["trace_id"]), (&"ORD-2".into(), &"mine".into()));
}

/// Scenario: a second order in one request, and a line outside of any request.
/// Guarantees: the conflict shows as a truth value; outside there are no empty keys.
#[test]
fn conflicts_show_and_nothing_is_empty() {
    let lines = logged(Format::json(), || {
        crate::set_order_id("ORD-2");
        tracing::info!("paid");
    });
    assert_eq!(json(&lines)["journey.conflict"], true);
    let lines = logged(Format::json(), || {
        let _outside = Context::new().attach();
        tracing::info!("idle");
    });
    let keys: Vec<_> = json(&lines).as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["level", "message", "target", "timestamp"]);
}

/// Scenario: a service gives our JSON to a layer with the usual fields, and logs inside of a span.
/// Guarantees: the line is whole JSON all the same.
#[test]
fn json_suits_a_plain_layer() {
    let kept = Kept::default();
    let layer = tracing_subscriber::fmt::layer().event_format(Format::json()).with_writer(kept.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("pay", cart = "c-1").in_scope(|| tracing::info!("paid"));
    });
    assert_eq!(json(&kept.lines())["message"], "paid");
}

/// Scenario: good and bad values of `JOURNEY_LOG_FORMAT`.
/// Guarantees: the bad one is refused by name.
#[test]
fn only_known_formats() {
    let read = |value: &str| {
        let environment =
            crate::config::Environment::new([("JOURNEY_LOG_FORMAT".to_owned(), value.to_owned())]);
        LogSettings::read(&environment).map(|settings| settings.format.is_json())
    };
    assert_eq!((read("json").unwrap(), read("TEXT").unwrap(), read("").unwrap()), (true, false, false));
    assert!(read("xml").unwrap_err().to_string().contains("JOURNEY_LOG_FORMAT"));
}
