//! Whom the layer believes, and what the handler sees.

use axum::Router;
use axum::http::Request;
use axum::routing::get;
use journey_trace::{JourneyCell, Key, set_order_id};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _};
use tower::ServiceExt as _;

use super::support::{Caller, attribute, exported, read};
use crate::limits::QUERY_BYTES_MAX;
use crate::{ForwardedBy, JourneyLayer, doubly_layered_requests};

async fn run(app: Router, request: Request<axum::body::Body>) -> String {
    read(app.oneshot(request).await.expect("a router is infallible")).await
}

fn app(layer: JourneyLayer) -> Router {
    Router::new().route("/orders/{id}", get(|| async {})).layer(layer)
}

/// Trace id, sampled flag and order id, as the handler finds them.
async fn seen() -> String {
    let cx = Context::current();
    let span = cx.span();
    let order = JourneyCell::current().and_then(|cell| cell.get(Key::Order));
    let context = span.span_context();
    format!("{} {} {}", context.trace_id(), context.is_sampled(), order.as_deref().unwrap_or("-"))
}

/// Scenario: a trusted caller sends `order.id` in its baggage.
/// Guarantees: the handler and the span know it.
#[tokio::test]
async fn trusted_baggage_is_believed() {
    let caller = Caller::sampled();
    let app = Router::new().route("/", get(seen)).layer(JourneyLayer::new());
    assert_eq!(run(app, caller.request("GET", "/")).await, format!("{} true ORD-7", caller.trace));
    assert_eq!(attribute(&caller.span(), "order.id").as_deref(), Some("ORD-7"));
}

/// Scenario: a stranger sends a trace and baggage to the public edge.
/// Guarantees: a new root with a link to the stranger's span; the baggage is not read.
#[tokio::test]
async fn public_edge_starts_a_new_trace() {
    let caller = Caller::sampled();
    let app = Router::new().route("/", get(seen)).layer(JourneyLayer::public());
    let body = run(app, caller.request("GET", "/")).await;
    assert!(body.ends_with(" true -"), "{body}");
    assert!(caller.spans().is_empty());
    let linked = |span: &opentelemetry_sdk::trace::SpanData| {
        span.links.iter().any(|link| link.span_context.trace_id() == caller.trace)
    };
    let span = exported().into_iter().find(linked).expect("the new root links to the caller");
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert!(body.starts_with(&span.span_context.trace_id().to_string()));
    assert_eq!(attribute(&span, "order.id"), None);
}

/// Scenario: a caller writes the headers of the family that the proxy does not write, beside the proxy's.
/// Guarantees: only the proxy's family counts, whichever it is (`Forwarded` once won over `X-Forwarded-*`, so that behind
/// nginx a caller chose its own address, host and scheme).
#[tokio::test]
async fn the_other_family_is_not_believed() {
    let shown = async |forwarded_by, forwarded: &str, others: [(&'static str, &str); 3]| {
        let caller = Caller::sampled();
        let mut request = caller.request("GET", "/orders/7");
        let headers = request.headers_mut();
        headers.insert("forwarded", forwarded.parse().expect("the case is a header"));
        for (name, value) in others {
            headers.insert(name, value.parse().expect("the case is a header"));
        }
        run(app(JourneyLayer::new().behind_proxy(forwarded_by)), request).await;
        let span = caller.span();
        ["client.address", "server.address", "url.scheme"]
            .map(|key| attribute(&span, key).unwrap_or_default())
            .join(" ")
    };
    let forwarded =
        "for=8.8.8.8;proto=https;host=evil, for=\"[2001:db8::1]:4711\";Proto=https;host=shop.example";
    let others = [
        ("x-forwarded-for", "8.8.4.4, 203.0.113.9"),
        ("x-forwarded-host", "evil, shop.test"),
        ("x-forwarded-proto", "http"),
    ];
    assert_eq!(shown(ForwardedBy::Forwarded, forwarded, others).await, "2001:db8::1 shop.example https");
    assert_eq!(shown(ForwardedBy::XForwarded, forwarded, others).await, "203.0.113.9 shop.test http");
    // A family that is silent is not made up for by the other.
    assert_eq!(shown(ForwardedBy::Forwarded, "by=proxy", others).await, " shop.internal http");
}

/// Scenario: queries of tens of thousands of bytes, in one key, in one value and in many parts.
/// Guarantees: `url.query` is cut off, and no value is shown by the cut (keys once stood there whole, 60 KB on each span).
#[tokio::test]
async fn a_long_query_is_cut_off() {
    let (key, value, parts) = ("k".repeat(60_000), "SECRET".repeat(10_000), "SECRET&".repeat(8_000));
    for query in [format!("{key}=1"), format!("q={value}"), parts, format!("{}=SECRET", "k".repeat(1_017))] {
        let caller = Caller::sampled();
        let request = caller.request("GET", &format!("/orders/7?{query}"));
        run(app(JourneyLayer::public()), request).await;
        let linked = exported()
            .into_iter()
            .find(|span| span.links.iter().any(|link| link.span_context.trace_id() == caller.trace));
        let shown =
            attribute(&linked.expect("the new root links to the caller"), "url.query").expect("a query");
        assert!(shown.len() <= QUERY_BYTES_MAX, "{} bytes", shown.len());
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

/// Scenario: the order becomes known in the handler only.
/// Guarantees: the request's span carries it, although it began before.
#[tokio::test]
async fn late_id_reaches_the_span() {
    let caller = Caller::sampled();
    let mut request = caller.request("GET", "/");
    request.headers_mut().remove("baggage");
    let handler = || async { assert!(set_order_id("ORD-8")) };
    let app = Router::new().route("/", get(handler)).layer(JourneyLayer::new());
    run(app, request).await;
    assert_eq!(attribute(&caller.span(), "order.id").as_deref(), Some("ORD-8"));
}

/// Scenario: the caller's trace is not sampled.
/// Guarantees: nothing is exported; trace id, flag and order id are intact for whatever the handler does.
#[tokio::test]
async fn unsampled_caller() {
    let caller = Caller::unsampled();
    let app = Router::new().route("/", get(seen)).layer(JourneyLayer::new());
    assert_eq!(run(app, caller.request("GET", "/")).await, format!("{} false ORD-7", caller.trace));
    assert!(caller.spans().is_empty());
}

/// Scenario: two layers, one inside the other.
/// Guarantees: one span, named by the inner layer's route, and the mistake is counted.
#[tokio::test]
async fn two_layers_make_one_span() {
    let caller = Caller::sampled();
    let inside = Router::new().route("/orders/{id}", get(|| async {})).layer(JourneyLayer::new());
    let outside = Router::new().fallback_service(inside).layer(JourneyLayer::new());
    let before = doubly_layered_requests();
    run(outside, caller.request("GET", "/orders/7")).await;
    assert_eq!(caller.span().name, "GET /orders/{id}");
    assert_eq!(doubly_layered_requests(), before + 1);
}

/// Scenario: a request is waiting, and its thread does something else.
/// Guarantees: outside of a poll the thread has neither Context nor slot of the request.
#[tokio::test]
async fn context_is_active_only_while_polling() {
    let caller = Caller::sampled();
    let app = Router::new().route("/", get(std::future::pending::<()>)).layer(JourneyLayer::new());
    let mut answer = Box::pin(app.oneshot(caller.request("GET", "/")));
    assert!(futures_util::poll!(&mut answer).is_pending());
    assert!(!Context::current().has_active_span());
    assert!(!crate::edge::is_entered());
}
