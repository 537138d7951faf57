//! What arrives at a collector that works.

use std::collections::HashMap;
use std::time::Duration;

use journey::opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer};
use journey::opentelemetry::{Context, InstrumentationScope, KeyValue, global};
use journey::{ContextExt, JourneyCell, Key, SpanGuard, Trust, extract, inject, stage};
use journey_testkit::collector::{Collector, Mood};

use super::alone::alone;
use super::received::{Received, signals, span_named, spans, text};

fn headers(flags: &str) -> HashMap<String, String> {
    let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    HashMap::from([("traceparent".into(), parent), ("baggage".into(), "user.id=u-1".into())])
}

/// One request: a server span, a stage inside, in it a span of another library and one of ours.
fn serve(flags: &str) {
    let caller = extract(&headers(flags), Trust::Trusted);
    let server = SpanGuard::start("POST /orders", SpanKind::Server, vec![], vec![], &caller);
    let attached = server.context().clone().attach();
    let result = stage("order_create").run_blocking(|_| {
        let foreign = global::tracer("foreign").start("early");
        journey::set_order_id("ORD-1");
        drop(foreign);
        drop(global::tracer("foreign").start("late"));
        SpanGuard::start("SELECT", SpanKind::Client, vec![], vec![], &Context::current()).end();
        Ok::<_, String>(())
    });
    assert_eq!(result, Ok(()));
    drop(attached);
    server.end();
}

fn environment(collector: &Collector) -> [(&'static str, String); 2] {
    [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("JOURNEY_BEAT_INTERVAL", "100ms".into())]
}

/// Scenario: a sampled request with a stage is served, and the guard drops.
/// Guarantees: spans and signals arrive once, joined to the caller's trace; each span has the ids known when it
/// started (foreign) or ended (ours), none twice; numbers have no hole; the last word is the process's.
#[test]
fn a_request_arrives() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let journey =
            journey::builder("crm-api").version("1.2.3").environment(environment(&collector)).init();
        let journey = journey.unwrap();
        serve("01");
        let report = journey.shutdown();
        assert_eq!((report.signals_lost, report.spans_lost, report.spans_delivered), (0, 0, 4));

        let received = spans(&collector.bodies());
        let server = span_named(&received, "POST /orders");
        assert_eq!(server.span.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
        assert_eq!((server.get("order.id"), server.get("user.id")), ("ORD-1", "u-1"));
        assert_eq!(server.resource["service.name"], "crm-api");
        assert_eq!(server.resource["service.version"], "1.2.3");
        assert_eq!(server.scope, "journey");
        let [end] = signals(&received, "end")[..] else { panic!("not one end") };
        assert_eq!(end.span.parent_span_id, server.span.span_id);
        assert_eq!(end.resource["service.instance.id"], server.resource["service.instance.id"]);
        for (name, order_id) in [("early", ""), ("late", "ORD-1"), ("SELECT", "ORD-1")] {
            let inside = span_named(&received, name);
            assert_eq!(inside.span.parent_span_id, end.span.span_id, "{name}");
            assert_eq!(inside.get("order.id"), order_id, "{name}");
            assert_eq!(inside.span.trace_id, end.span.trace_id);
        }
        let numbers: Vec<&str> =
            ["start", "end"].map(|kind| signals(&received, kind)[0].get("journey.seq")).to_vec();
        assert_eq!(numbers, ["1", "2"]);
        let process = signals(&received, "process");
        assert_eq!(process[0].get("journey.process.state"), "running");
        let last = process.last().unwrap();
        assert_eq!((last.get("journey.process.state"), last.get("journey.seq")), ("stopping", "2"));
    });
}

/// Scenario: a user's span of a library with a version has events, one more than the limit, one of them an error.
/// Guarantees: they arrive with time and attributes, cut to the limits, and with the number of the dropped one; once they
/// vanished without a word.
#[test]
fn events_of_spans_arrive() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let limits = [("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"), ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1")];
        let limits = limits.map(|(name, value)| (name, value.to_owned()));
        let variables = environment(&collector).into_iter().chain(limits);
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        let library = InstrumentationScope::builder("printer").with_version("1.2.3").build();
        let mut span = global::tracer_with_scope(library).start("print");
        span.record_error(&std::io::Error::other("no paper"));
        span.add_event("heated", vec![KeyValue::new("celsius", 60), KeyValue::new("too", "many")]);
        span.add_event("printed", vec![]);
        drop(span);
        assert_eq!(journey.shutdown().spans_delivered, 1);

        let body = collector.bodies();
        let received = spans(&body);
        let print = span_named(&received, "print");
        let [error, heated] = &print.span.events[..] else { panic!("{:?}", print.span.events) };
        assert_eq!((&*error.name, &*heated.name), ("exception", "heated"));
        assert_eq!(text(&error.attributes)["exception.message"], "no paper");
        assert_eq!(text(&heated.attributes)["celsius"], "60");
        assert_eq!((heated.attributes.len(), heated.dropped_attributes_count), (1, 1));
        assert!(print.span.start_time_unix_nano <= heated.time_unix_nano);
        assert!(heated.time_unix_nano <= print.span.end_time_unix_nano);
        assert_eq!(print.span.dropped_events_count, 1);
        assert_eq!((&*print.scope, &*print.scope_version), ("printer", "1.2.3"));
    });
}

/// Scenario: the caller's trace is not sampled.
/// Guarantees: no span is exported, the stage is, and the caller's context goes on as it came.
#[test]
fn an_unsampled_request_is_on_the_lane_only() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let journey = journey::builder("crm-api").environment(environment(&collector)).init().unwrap();
        serve("00");
        let report = journey.shutdown();
        assert_eq!((report.spans_delivered, report.spans_lost), (0, 0));
        let received = spans(&collector.bodies());
        assert!(received.iter().all(|one| !one.signal().is_empty()));
        let end = signals(&received, "end")[0];
        assert_eq!((end.get("journey.head_sampled"), end.get("order.id")), ("false", "ORD-1"));
        assert_eq!(end.span.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
    });
}

/// Scenario: a stage is open while nothing else happens.
/// Guarantees: its start and its beats arrive before its end, with progress and idle time.
#[test]
fn an_open_stage_is_seen() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let journey = journey::builder("mes-api").environment(environment(&collector)).init().unwrap();
        let open = stage("price.simplify_model").key(Key::Order, "ORD-1").start();
        open.progress(0.25);
        let two_beats = |bodies: &[Vec<u8>]| signals(&spans(bodies), "beat").len() >= 2;
        let received = spans(&collector.wait(Duration::from_secs(10), two_beats));
        assert_eq!(signals(&received, "start").len(), 1);
        let beat = signals(&received, "beat")[1];
        assert_eq!(
            (beat.get("journey.stage.progress"), beat.get("journey.stage.heartbeat.sequence")),
            ("0.25", "2")
        );
        assert!(beat.get("journey.stage.idle").parse::<f64>().unwrap() >= 0.1);
        open.end();
        drop(journey);
        assert_eq!(signals(&spans(&collector.bodies()), "end").len(), 1);
    });
}

/// Scenario: the lane goes to a relay, the spans to a collector that hangs and later answers.
/// Guarantees: the relay gets everything meanwhile; sampled ends go with the spans too, unsampled ones and markers
/// do not.
#[test]
fn the_lane_does_not_wait_for_spans() {
    alone(|| {
        let (collector, relay) = (Collector::start().unwrap(), Collector::start().unwrap());
        collector.set_mood(Mood::Hangs);
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("JOURNEY_LANE_ENDPOINT", relay.url()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000".into()),
            ("JOURNEY_BEAT_INTERVAL", "100ms".into()),
        ];
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        let early = SpanGuard::start("early", SpanKind::Internal, vec![], vec![], &Context::new());
        early.end();
        while collector.requests() == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        serve("01");
        serve("00");
        let ends = |bodies: &[Vec<u8>]| signals(&spans(bodies), "end").len();
        let at_relay = spans(&relay.wait(Duration::from_secs(10), |bodies| ends(bodies) == 2));
        assert_eq!(signals(&at_relay, "end").len(), 2);
        assert!(collector.bodies().is_empty());

        collector.set_mood(Mood::Fine);
        collector.wait(Duration::from_secs(20), |bodies| !bodies.is_empty());
        let open = stage("order_shown").start();
        open.end();
        let report = journey.shutdown();
        assert_eq!((report.signals_lost, report.spans_lost), (0, 0));
        let at_collector = spans(&collector.bodies());
        let lane_records: Vec<&Received> =
            at_collector.iter().filter(|one| !one.signal().is_empty()).collect();
        // The sampled end, and that of the root stage that ended just before the shutdown.
        assert_eq!(lane_records.len(), 2);
        for end in lane_records {
            assert_eq!((end.signal(), end.get("journey.head_sampled")), ("end", "true"));
        }
    });
}

/// Scenario: `OTEL_SDK_DISABLED=true`, a request comes in and calls on.
/// Guarantees: no request goes to a collector; context and ids travel on; the stage runs its work.
#[test]
fn disabled_still_propagates() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let disabled = [("OTEL_SDK_DISABLED", "true".to_owned())];
        let variables = environment(&collector).into_iter().chain(disabled);
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        let caller = extract(&headers("01"), Trust::Trusted);
        let server = SpanGuard::start("POST /orders", SpanKind::Server, vec![], vec![], &caller);
        let mut out = HashMap::new();
        stage("order_create").parent(server.context()).start().in_scope(|| {
            journey::set_order_id("ORD-1");
            inject(&Context::current(), &mut out);
        });
        assert_eq!(out["traceparent"], headers("01")["traceparent"]);
        assert_eq!(out["baggage"], "order.id=ORD-1,user.id=u-1");
        assert_eq!(journey.shutdown(), journey::ExportReport::default());
        assert_eq!(collector.requests(), 0);
    });
}

/// Scenario: the guard has dropped, and the service goes on; then it starts anew.
/// Guarantees: stages and spans do no harm and the caller's context travels on; a second init works, two at once do
/// not.
#[test]
fn life_after_the_guard() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let build = || journey::builder("crm-api").environment(environment(&collector)).init();
        let journey = build().unwrap();
        assert!(build().unwrap_err().to_string().contains("running already"));
        let open = stage("order_create").start();
        drop(journey);
        open.end();
        serve("01");
        let cx = Context::new()
            .with_remote_span_context(extract(&headers("01"), Trust::Trusted).span().span_context().clone());
        let span =
            SpanGuard::start("x", SpanKind::Internal, vec![], vec![], &cx.with_cell(JourneyCell::new()));
        assert_eq!(span.context().span().span_context(), cx.span().span_context());
        drop(span);
        let again = build().unwrap();
        serve("01");
        assert_eq!(again.shutdown().spans_delivered, 4);
    });
}

/// Scenario: init and drop inside a current-thread runtime, with a collector on the same machine.
/// Guarantees: nothing waits for the runtime that the drop blocks.
#[test]
fn a_current_thread_runtime_is_no_trap() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journey = journey::builder("crm-api").environment(environment(&collector)).init().unwrap();
            serve("01");
            assert_eq!(journey.shutdown().spans_delivered, 4);
        });
    });
}
