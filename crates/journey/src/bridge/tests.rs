//! Users' `tracing` spans between those of the kit: which ones, under what, and with which ids.

use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::config::Environment;
use crate::testing::{Captured, capture, capture_blocking};
use crate::{ContextExt, JourneyCell, Key, SpanGuard, stage};

fn filter(text: &str) -> BridgeFilter {
    let environment = Environment::new([("JOURNEY_TRACE_FILTER".to_owned(), text.to_owned())]);
    BridgeFilter::read(&environment).expect("the filter is good")
}

/// What `work` makes of bridged spans with this filter.
fn bridged(text: &str, work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(layer(filter(text)));
    tracing::subscriber::with_default(subscriber, || capture_blocking(work))
}

fn names(captured: &Captured) -> Vec<&str> {
    captured.spans().iter().map(|span| span.name()).collect()
}

/// Scenario: a handler with a span of its own, fields of several types, an error log, and a stage inside.
/// Guarantees: the user's span stands between hop and stage, has its fields and the ids known at its start and
/// nothing else, and an error log makes no failed span.
#[test]
fn users_spans_join_the_tree() {
    let captured = bridged("info", || {
        let cx = Context::current().with_cell(JourneyCell::new());
        let server = SpanGuard::start("POST /orders", SpanKind::Server, vec![], vec![], &cx);
        let attached = server.context().clone().attach();
        crate::set_order_id("ORD-1");
        tracing::info_span!("choose printer", count = 3, rush = true, place = "Bonn").in_scope(|| {
            tracing::error!(error = "no paper", "one printer is out of order");
            stage("printer_chosen").run_blocking(|_| Ok::<_, String>(())).expect("it works");
        });
        drop(attached);
        server.end();
    });
    expect_test::expect![[r#"
        trace 1
          span 1: POST /orders (server)
              order.id: "ORD-1"
            span 2: choose printer (internal)
                count: 3
                order.id: "ORD-1"
                place: "Bonn"
                rush: true
              span 3: stage printer_chosen
                  journey.head_sampled: true
                  journey.signal: "end"
                  journey.stage.attempt: 1
                  journey.stage.name: "printer_chosen"
                  journey.stage.outcome: "ok"
                  order.id: "ORD-1"
    "#]]
    .assert_eq(&captured.to_string());
}

/// Scenario: spans of libraries below us, of our own level and below it, with filters that say nothing of them and
/// filters that do.
/// Guarantees: infrastructure is left out unless it is asked for by name; levels are those of the filter.
#[test]
fn infrastructure_is_left_out() {
    let work = || {
        drop(tracing::info_span!(target: "lapin::io_loop", "io_loop"));
        drop(tracing::info_span!(target: "hyper_util::client", "connect"));
        drop(tracing::info_span!(target: "h2::proto", "frame"));
        drop(tracing::info_span!(target: "tower_http::trace", "request"));
        drop(tracing::info_span!("ours").entered());
        drop(tracing::debug_span!("detail").entered());
    };
    assert_eq!(names(&bridged("info", work)), ["ours"]);
    assert_eq!(names(&bridged("journey=debug", work)), ["ours", "detail"]);
    assert_eq!(names(&bridged("info,tower=info", work)), ["request", "ours"]);
    let bad = Environment::new([("JOURNEY_TRACE_FILTER".to_owned(), "info,a=b=c".to_owned())]);
    assert!(BridgeFilter::read(&bad).is_err());
}

/// Scenario: the log is quietened to warnings by a filter of its own, beside the bridge.
/// Guarantees: no span is missing.
#[test]
fn a_quiet_log_deletes_no_span() {
    let quiet = crate::log::layer().with_filter(tracing_subscriber::EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::registry().with(quiet).with(layer(filter("info")));
    let captured = tracing::subscriber::with_default(subscriber, || {
        capture_blocking(|| drop(tracing::info_span!("ours").entered()))
    });
    assert_eq!(names(&captured), ["ours"]);
}

/// Scenario: an id is learned inside, and another outside, of `instrument`, `in_current_span`, `journey::spawn`,
/// `journey::spawn_blocking` and `with_context`, with spans that began before.
/// Guarantees: each side sees what the other learned, and all spans stay in one trace.
#[tokio::test]
async fn ids_are_seen_in_and_out() {
    let subscriber = tracing_subscriber::registry().with(layer(filter("info")));
    let _default = tracing::subscriber::set_default(subscriber);
    let captured = capture(async {
        for name in ["instrument", "in_current_span", "spawn", "spawn_blocking", "with_context"] {
            let work = async |_: &crate::Stage| {
                go_on(name).await;
                Ok::<_, String>(())
            };
            // Each is a request of its own.
            let request = Context::current().with_cell(JourneyCell::new());
            stage(name).run(work).with_context(request).await.expect("it works");
        }
    })
    .await;
    for name in ["instrument", "in_current_span", "spawn", "spawn_blocking", "with_context"] {
        let stage = captured.one(&format!("stage {name}"));
        let ids = ["order.id", "cart.id"].map(|key| stage.text(key).unwrap_or_default().into_owned());
        assert_eq!(ids, [format!("ORD-{name}"), format!("c-{name}")], "{captured}");
        let inside = captured.spans().iter().filter(|span| span.trace_id() == stage.trace_id());
        assert!(inside.count() >= 2, "{captured}");
    }
}

/// Learns the cart outside and the order inside, in this way of going on.
async fn go_on(way: &'static str) {
    let span = tracing::info_span!("users own");
    // The bridge remembers the Context of this moment.
    span.in_scope(|| assert!(Context::current().span().span_context().is_valid()));
    crate::set_cart_id(format!("c-{way}"));
    let inside = async move {
        tokio::task::yield_now().await;
        learn(way);
    };
    match way {
        "instrument" => inside.instrument(span).await,
        "in_current_span" => async { inside.in_current_span().await }.instrument(span).await,
        "spawn" => crate::spawn(inside.instrument(span)).await.expect("the task ends"),
        "spawn_blocking" => {
            let learned = crate::spawn_blocking(move || span.in_scope(|| learn(way)));
            learned.await.expect("the task ends");
        }
        _ => inside.with_context(Context::current()).instrument(span).await,
    }
    let cell = JourneyCell::current().expect("a stage has a cell");
    assert_eq!(cell.get(Key::Order).as_deref(), Some(&*format!("ORD-{way}")), "seen outside");
}

fn learn(way: &str) {
    let cell = JourneyCell::current().expect("the cell came along");
    assert_eq!(cell.get(Key::Cart).as_deref(), Some(&*format!("c-{way}")), "seen inside");
    assert!(crate::set_order_id(format!("ORD-{way}")));
}
