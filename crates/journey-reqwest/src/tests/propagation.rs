//! Who gets trace and ids.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use http::Extensions;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanId, TraceContextExt as _};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};

use super::support::{STRANGER, Work, builder, client, echo, serve};
use crate::JourneyMiddleware;

fn app() -> Router {
    Router::new().route("/", get(echo))
}

async fn get_text(work: &Work, url: String) -> String {
    let answer = work.run(client().get(url).header("baggage", "copied=1").send()).await;
    answer.expect("the server answers").text().await.expect("the body is text")
}

/// Scenario: a request to a neighbour.
/// Guarantees: it gets the span's own traceparent and our ids, instead of what the handler copied.
#[tokio::test]
async fn neighbour_gets_trace_and_ids() {
    let address = serve(app()).await;
    let work = Work::sampled();
    let got = get_text(&work, format!("http://{address}/")).await;
    let span = work.span().span_context.span_id();
    assert_eq!(got, format!("traceparent: 00-{}-{span}-01\nbaggage: order.id=ORD-7\n", work.trace));
}

/// Scenario: the same request to a host that is on no list.
/// Guarantees: it gets no header of ours, not even a copied one, and the attempt has its span all the same.
#[tokio::test]
async fn stranger_gets_nothing() {
    let port = serve(app()).await.port();
    let work = Work::sampled();
    assert_eq!(get_text(&work, format!("http://{STRANGER}:{port}/")).await, "");
    assert_eq!(work.spans().len(), 1);
}

/// Scenario: the trace is not sampled.
/// Guarantees: no span is exported; trace, flag and ids still reach a neighbour.
#[tokio::test]
async fn unsampled_trace_is_propagated() {
    let address = serve(app()).await;
    let work = Work::unsampled();
    let got = get_text(&work, format!("http://{address}/")).await;
    assert!(got.starts_with(&format!("traceparent: 00-{}-", work.trace)), "{got}");
    assert!(got.contains("-00\nbaggage: order.id=ORD-7\n"), "{got}");
    assert!(work.spans().is_empty());
}

/// Notes the span that is active where the request is sent.
#[derive(Clone, Default)]
struct Inside(Arc<Mutex<Option<SpanId>>>);

#[async_trait::async_trait]
impl Middleware for Inside {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let active = Context::current().span().span_context().span_id();
        *self.0.lock().expect("no test panics with it") = Some(active);
        next.run(request, extensions).await
    }
}

/// Scenario: a middleware further in starts work of its own, such as asking for a token.
/// Guarantees: the attempt's span is active there.
#[tokio::test]
async fn inner_work_is_below_the_attempt() {
    let address = serve(app()).await;
    let inside = Inside::default();
    let client = ClientBuilder::new(builder().build().expect("a client without TLS can be built"))
        .with(JourneyMiddleware::new())
        .with(inside.clone())
        .build();
    let work = Work::sampled();
    let answer = work.run(client.get(format!("http://{address}/")).send()).await;
    drop(answer.expect("the server answers"));
    let active = *inside.0.lock().expect("no test panics with it");
    assert_eq!(active, Some(work.span().span_context.span_id()));
}

/// Scenario: telemetry's own request, sent with suppression.
/// Guarantees: no span, no header.
#[tokio::test]
async fn suppressed_work_is_left_alone() {
    let address = serve(app()).await;
    let work = Work::sampled();
    let suppressed = async {
        let cx = Context::current().with_telemetry_suppressed();
        let answer = client().get(format!("http://{address}/")).send().with_context(cx).await;
        answer.expect("the server answers").text().await.expect("the body is text")
    };
    assert_eq!(work.run(suppressed).await, "");
    assert!(work.spans().is_empty());
}
