//! `JOURNEY_CONSOLE=1`: a tree on the error output.

use journey::opentelemetry::Context;
use journey::opentelemetry::trace::SpanKind;
use journey::{ContextExt, JourneyCell, Key, SpanGuard, stage};
use journey_testkit::collector::Collector;

use super::alone::alone;
use super::received::{signals, spans};

fn serve() {
    let request = Context::new().with_cell(JourneyCell::new());
    let server = SpanGuard::start("POST /orders", SpanKind::Server, vec![], vec![], &request);
    let work = stage("order_create").key(Key::Order, "ORD-1").parent(server.context());
    assert_eq!(work.run_blocking(|_| Err::<(), _>("no paper")), Err("no paper"));
    server.end();
}

/// Scenario: the console is on and no endpoint is set; a request with a failed stage is served.
/// Guarantees: trace, span and stage are printed as a tree before the process ends; nothing is sent, nothing counts as
/// lost, and no line complains of a missing collector.
#[test]
fn a_request_is_shown_without_a_collector() {
    let printed = alone(|| {
        let journey = journey::builder("crm-api").environment([("JOURNEY_CONSOLE", "1")]).init().unwrap();
        serve();
        let report = journey.shutdown();
        assert_eq!((report.signals_delivered, report.signals_lost), (0, 0), "{report:?}");
        assert_eq!((report.spans_delivered, report.spans_lost), (0, 0), "{report:?}");
    });
    let Some(printed) = printed else { return };
    assert_eq!(printed.lines_with("  order.id=ORD-1"), 1);
    assert_eq!(printed.lines_with("  server POST /orders  ok  "), 1);
    assert_eq!(printed.lines_with("    stage order_create  failed  "), 1);
    assert_eq!(printed.lines_with("no paper"), 1);
    assert_eq!(printed.lines_with("no collector"), 0);
}

/// Scenario: the console is on and an endpoint is set.
/// Guarantees: the tree is shown, and the same is sent.
#[test]
fn an_endpoint_gets_it_too() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        let variables =
            [("JOURNEY_CONSOLE", "1".to_owned()), ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        serve();
        assert_eq!(journey.shutdown().spans_delivered, 1);
        assert_eq!(signals(&spans(&collector.bodies()), "end").len(), 1);
    });
    let Some(printed) = printed else { return };
    assert_eq!(printed.lines_with("    stage order_create  failed  "), 1);
}
