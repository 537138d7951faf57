//! What a start says, and what it looks at.

use journey::opentelemetry::Context;
use journey::opentelemetry::trace::SpanKind;
use journey::{SpanGuard, stage};
use journey_testkit::collector::Collector;

use super::alone::alone;
use super::received::{span_named, spans};

fn span(name: &'static str) {
    SpanGuard::start(name, SpanKind::Server, vec![], vec![], &Context::new()).end();
}

fn start(collector: &Collector, more: &[(&str, &str)]) -> journey::Guard {
    let url = collector.url();
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let variables = endpoint.iter().chain(more).copied();
    journey::builder("crm-api").environment(variables).init().expect("the variables are good")
}

/// Scenario: a start with a secret header, a variable without effect, and no span before.
/// Guarantees: one start line, one warning, no secret, nothing of the self-check; its probe is sent nowhere.
#[test]
fn one_line() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        let headers = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=s3cret");
        let journey = start(&collector, &[headers, ("OTEL_LOG_LEVEL", "debug")]);
        let report = journey.shutdown();
        assert_eq!((report.spans_delivered, report.spans_lost), (0, 0));
        assert!(spans(&collector.bodies()).iter().all(|one| one.signal() == "process"));
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with(" starts: traces to http://127.0.0.1:"), 1);
        assert_eq!(printed.lines_with("WARN"), 1);
        assert_eq!(printed.lines_with("OTEL_LOG_LEVEL is set and has no effect"), 1);
        assert_eq!(printed.lines_with("s3cret"), 0);
    }
}

/// Scenario: each sampler, always by the self-check.
/// Guarantees: none of them makes it say that spans do not arrive.
#[test]
fn the_probe_passes_every_sampler() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        for sampler in
            ["always_on", "always_off", "traceidratio", "parentbased_always_off", "parentbased_traceidratio"]
        {
            let variables = [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", "0.001")];
            assert_eq!(start(&collector, &variables).shutdown().spans_lost, 0);
        }
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("self-check"), 0);
        assert_eq!(printed.lines_with(" starts: "), 5);
    }
}

/// Scenario: two requests are served before init, by layers that were built then, and one afterwards.
/// Guarantees: the one afterwards is traced all the same, and one line tells of the two that were lost.
#[test]
fn requests_before_init_are_told() {
    let printed = alone(|| {
        span("early");
        span("early");
        let collector = Collector::start().unwrap();
        let journey = start(&collector, &[]);
        span("late");
        assert_eq!(journey.shutdown().spans_delivered, 1);
        span_named(&spans(&collector.bodies()), "late");
        drop(start(&collector, &[]));
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("2 spans were started before init and are lost"), 1);
    }
}

/// Scenario: the service has a subscriber of its own, without a bridge.
/// Guarantees: the self-check does not miss one.
#[test]
fn a_service_without_a_bridge_is_fine() {
    let printed = alone(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let collector = Collector::start().unwrap();
        drop(start(&collector, &[]));
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("self-check"), 0);
    }
}

/// Scenario: limits of the specification, and a stage beside the span.
/// Guarantees: the span is cut to them, the ids of the lane are not.
#[test]
fn limits_cut_spans_and_no_ids() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let limits = [("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2")];
        let journey = start(&collector, &limits);
        let attributes =
            ["a", "b", "c"].map(|key| journey::opentelemetry::KeyValue::new(key, "prüfen")).to_vec();
        SpanGuard::start("work", SpanKind::Server, attributes, vec![], &Context::new()).end();
        stage("order_create").key(journey::Key::Order, "ORD-000001").start().end();
        drop(journey);
        let received = spans(&collector.bodies());
        let work = span_named(&received, "work");
        assert_eq!((work.get("a"), work.get("b"), work.attributes.len()), ("prüf", "prüf", 2));
        assert!(received.iter().any(|one| one.get("order.id") == "ORD-000001"));
    });
}

/// Scenario: `OTEL_PROPAGATORS=tracecontext`.
/// Guarantees: ids neither leave nor come in, the trace goes on.
#[test]
fn propagators_are_honoured() {
    use std::collections::HashMap;

    use journey::{Trust, extract, inject};

    alone(|| {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, &[("OTEL_PROPAGATORS", "tracecontext")]);
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = HashMap::from([
            ("traceparent".to_owned(), parent.to_owned()),
            ("baggage".to_owned(), "user.id=u-1".to_owned()),
        ]);
        let cx = extract(&headers, Trust::Trusted);
        assert_eq!(journey::JourneyCell::of(&cx).unwrap().get(journey::Key::User), None);
        let _attached = cx.clone().attach();
        journey::set_order_id("ORD-1");
        let mut out = HashMap::new();
        inject(&cx, &mut out);
        assert_eq!(out, HashMap::from([("traceparent".to_owned(), parent.to_owned())]));
        drop(journey);
    });
}

/// Scenario: `OTEL_SDK_DISABLED=true`, and beside it values that make no sense.
/// Guarantees: the service starts without export, one line tells of each kind of error, and the context of callers
/// travels on. Once the emergency switch stopped the service.
#[test]
fn the_emergency_switch_always_works() {
    use std::collections::HashMap;

    let printed = alone(|| {
        for (name, value) in [
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("JOURNEY_LOG_FORMAT", "xml"),
            ("JOURNEY_PROPAGATE_TO", "https://x"),
        ] {
            let variables = [("OTEL_SDK_DISABLED", "true"), (name, value)];
            let journey = journey::builder("crm-api").environment(variables).init().expect(name);
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            let headers = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
            let mut out = HashMap::new();
            journey::inject(&journey::extract(&headers, journey::Trust::Trusted), &mut out);
            assert_eq!(out["traceparent"], parent);
            drop(journey);
        }
    });
    if let Some(printed) = printed {
        for name in ["OTEL_TRACES_SAMPLER", "JOURNEY_LOG_FORMAT", "JOURNEY_PROPAGATE_TO"] {
            assert_eq!(printed.lines_with(&format!("journey: {name}")), 1, "{name}");
        }
        assert_eq!(printed.lines_with("OTEL_SDK_DISABLED is true"), 3);
    }
}
