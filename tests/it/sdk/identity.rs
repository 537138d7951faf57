//! Ids learned late, wherever the work goes; with the tracing bridge, which re-attaches contexts of its own.

use std::time::Duration;

use journey::opentelemetry::Context;
use journey::opentelemetry::context::FutureExt;
use journey::opentelemetry::trace::{SpanKind, TracerProvider as _};
use journey::{ContextExt, JourneyCell, SpanGuard};
use journey_testkit::collector::Collector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::alone::alone;
use super::received::{span_named, spans};

/// Learns the order where it stands, after an await.
async fn learn(order_id: &'static str) {
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(journey::set_order_id(order_id));
}

/// Scenario: the order is learned inside `with_context`, `instrument`, `in_current_span`, `journey::spawn` and
/// `journey::spawn_blocking`, with a tracing bridge in place.
/// Guarantees: each time the server span that began before has the id at its end.
#[test]
fn late_ids_survive_all_five_orders() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let bridge = SdkTracerProvider::builder().build().tracer("bridge");
        let layer = tracing_opentelemetry::layer().with_tracer(bridge);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            serve("with_context", async {
                learn("with_context").with_context(Context::current()).await;
            })
            .await;
            serve("instrument", async {
                let span = tracing::info_span!("users own");
                // The bridge remembers the Context of this moment.
                span.in_scope(|| {});
                learn("instrument").instrument(span).await;
            })
            .await;
            serve("in_current_span", async {
                let inner = async { learn("in_current_span").in_current_span().await };
                inner.instrument(tracing::info_span!("users own")).await;
            })
            .await;
            serve("spawn", async { journey::spawn(learn("spawn")).await.unwrap() }).await;
            serve("spawn_blocking", async {
                let learned = journey::spawn_blocking(|| journey::set_order_id("spawn_blocking")).await;
                assert!(learned.unwrap());
            })
            .await;
        });
        drop(journey);
        let received = spans(&collector.bodies());
        for name in ["with_context", "instrument", "in_current_span", "spawn", "spawn_blocking"] {
            assert_eq!(span_named(&received, name).get("order.id"), name);
        }
    });
}

async fn serve(name: &'static str, handler: impl Future<Output = ()>) {
    let request = Context::new().with_cell(JourneyCell::new());
    let span = SpanGuard::start(name, SpanKind::Server, vec![], vec![], &request);
    handler.with_context(span.context().clone()).await;
}

/// Scenario: a background task keeps the Context of a request that is over, and learns another order.
/// Guarantees: the span has ended with the request, is exported, and shows the first order and the conflict only if
/// that came before its end.
#[test]
fn a_background_task_keeps_no_span_open() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        let request = Context::new().with_cell(JourneyCell::new());
        let span = SpanGuard::start("request", SpanKind::Server, vec![], vec![], &request);
        let kept = span.context().clone();
        let cell = JourneyCell::of(&kept).unwrap();
        cell.set(journey::Key::Order, "ORD-1");
        span.end();
        cell.set(journey::Key::Order, "ORD-2");
        journey.flush(Duration::from_secs(10));
        let received = spans(&collector.bodies());
        let request = span_named(&received, "request");
        assert_eq!((request.get("order.id"), request.get("journey.conflict")), ("ORD-1", ""));
    });
}
