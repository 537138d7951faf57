//! The log and the bridge that init sets up.

use journey::opentelemetry::Context;
use journey::{Key, stage};
use journey_testkit::collector::Collector;
use tracing::Instrument;

use super::alone::{alone, alone_with};
use super::received::{span_named, spans};

fn start(collector: &Collector, more: &[(&str, &str)]) -> journey::Guard {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url());
    let more = more.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let variables: Vec<(String, String)> = more.chain([endpoint]).collect();
    journey::builder("crm-api").environment(variables).init().expect("the variables are good")
}

/// Scenario: `JOURNEY_LOG_FORMAT=json`, and a line is logged inside of a stage.
/// Guarantees: lines are JSON with flat keys for trace and order.
#[test]
fn json_lines_name_the_order() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, &[("JOURNEY_LOG_FORMAT", "json")]);
        let paid = stage("order_paid").key(Key::Order, "ORD-1").run_blocking(|_| {
            tracing::info!(amount = 3, "paid");
            Ok::<_, String>(())
        });
        assert_eq!(paid, Ok(()));
        drop(journey);
    });
    let Some(printed) = printed else { return };
    assert_eq!(printed.lines_with("\"order.id\":\"ORD-1\"}"), 1);
    assert_eq!(printed.lines_with("\"message\":\"paid\",\"amount\":3,\"target\":\"it::sdk::log\""), 1);
}

/// Scenario: `RUST_LOG=warn`, a user's span inside of a stage, an id learned inside of it, and a log line at `info` and
/// one at `error`.
/// Guarantees: the span is exported as a child of the stage, healthy, from a bridge that init set up; the log shows the
/// error only, with the ids.
#[test]
fn a_quiet_log_keeps_users_spans() {
    let printed = alone_with(&[("RUST_LOG", "warn")], || {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = async {
            journey::set_order_id("ORD-1");
            tracing::info!("not shown");
            tracing::error!("a printer is out of order");
            Context::map_current(|cx| assert!(journey::JourneyCell::of(cx).is_some()));
        };
        let span = || tracing::info_span!("choose printer", rush = true);
        let done = runtime.block_on(stage("printer_chosen").run(async |_| {
            work.instrument(span()).await;
            Ok::<_, String>(())
        }));
        assert_eq!(done, Ok(()));
        drop(journey);
        let received = spans(&collector.bodies());
        let users = span_named(&received, "choose printer");
        let end = received.iter().find(|one| one.signal() == "end").expect("the stage ended");
        assert_eq!(users.span.parent_span_id, end.span.span_id);
        assert_eq!((users.get("rush"), end.get("order.id")), ("true", "ORD-1"));
        assert_eq!(users.attributes.len(), 1, "{:?}", users.attributes);
        assert_eq!(users.span.status.clone().unwrap_or_default().code, 0);
    });
    let Some(printed) = printed else { return };
    assert_eq!(printed.lines_with("not shown"), 0);
    assert_eq!(printed.lines_with("a printer is out of order trace_id="), 1);
    assert_eq!(printed.lines_with("order.id=ORD-1"), 1);
}

/// Scenario: a filter for the bridge that is no filter, and a format that is none.
/// Guarantees: init fails and names the variable.
#[test]
fn bad_values_are_named() {
    alone(|| {
        for (name, value) in [("JOURNEY_TRACE_FILTER", "info,a=b=c"), ("JOURNEY_LOG_FORMAT", "xml")] {
            let failed = journey::builder("crm-api").environment([(name, value)]).init();
            assert!(failed.unwrap_err().to_string().contains(name));
        }
    });
}
