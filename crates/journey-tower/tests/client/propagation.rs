//! Who gets trace and ids.

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::routing;
use journey_tower::JourneyClientLayer;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_http::follow_redirect::FollowRedirectLayer;

use super::support::{Body, STRANGER, Work, attribute, get, serve, text, transport};

/// Answers with the propagation headers that came, one a line.
async fn echo(request: Request) -> String {
    ["traceparent", "tracestate", "baggage"]
        .iter()
        .filter_map(|name| Some(format!("{name}: {}\n", request.headers().get(*name)?.to_str().ok()?)))
        .collect()
}

fn app() -> Router {
    Router::new().route("/", routing::get(echo))
}

async fn get_text(work: &Work, url: String) -> String {
    let mut request = get(url);
    request.headers_mut().insert("baggage", "copied=1".parse().expect("a header"));
    request.headers_mut().insert("tracestate", "copied=1".parse().expect("a header"));
    let client = JourneyClientLayer::new().layer(transport());
    let answer = work.run(client.oneshot(request)).await.expect("the server answers");
    text(answer.into_body()).await
}

/// Scenario: a request to a neighbour.
/// Guarantees: it gets the span's own traceparent and our ids, instead of what the handler copied.
#[tokio::test]
async fn neighbour_gets_trace_and_ids() {
    let (address, work) = (serve(app()).await, Work::sampled());
    let got = get_text(&work, format!("http://{address}/")).await;
    let span = work.span().span_context.span_id();
    assert_eq!(got, format!("traceparent: 00-{}-{span}-01\nbaggage: order.id=ORD-7\n", work.trace));
}

/// Scenario: the same request to a host that is on no list.
/// Guarantees: it gets no header of ours, not even a copied one, and the attempt has its span all the same.
#[tokio::test]
async fn stranger_gets_nothing() {
    let (port, work) = (serve(app()).await.port(), Work::sampled());
    assert_eq!(get_text(&work, format!("http://{STRANGER}:{port}/")).await, "");
    assert_eq!(attribute(&work.span(), "server.address").as_deref(), Some(STRANGER));
}

/// Scenario: a request without a host in its URI passes a `Host` header on that names a neighbour, over a connection that
/// leads elsewhere.
/// Guarantees: the span shows that host, and the request takes no header of ours along (the header once decided, so a
/// pass-through sent ids to a partner). With an origin that is a neighbour it takes them.
#[tokio::test]
async fn a_passed_on_host_is_not_believed() {
    let elsewhere = tower::service_fn(async |request: http::Request<Body>| {
        let names = ["traceparent", "baggage"].map(|name| request.headers().contains_key(name));
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(format!("{names:?}"))))
    });
    let origin = "http://crm-api:8080".parse().expect("a URI");
    for (layer, expected) in [
        (JourneyClientLayer::new(), "[false, false]"),
        (JourneyClientLayer::new().origin(origin), "[true, true]"),
    ] {
        let work = Work::sampled();
        let mut request = get("/orders/7");
        request.headers_mut().insert("host", "crm-api".parse().expect("a header"));
        request.headers_mut().insert("baggage", "copied=1".parse().expect("a header"));
        let answer = work.run(layer.layer(elsewhere).oneshot(request)).await.expect("it is infallible");
        assert_eq!(text(answer.into_body()).await, expected);
        assert_eq!(attribute(&work.span(), "server.address").as_deref(), Some("crm-api"));
    }
}

/// Scenario: the trace is not sampled.
/// Guarantees: no span is exported; trace, flag and ids still reach a neighbour.
#[tokio::test]
async fn unsampled_trace_is_propagated() {
    let (address, work) = (serve(app()).await, Work::unsampled());
    let got = get_text(&work, format!("http://{address}/")).await;
    assert!(got.starts_with(&format!("traceparent: 00-{}-", work.trace)), "{got}");
    assert!(got.ends_with("-00\nbaggage: order.id=ORD-7\n"), "{got}");
    assert!(work.spans().is_empty());
}

/// Scenario: a neighbour redirects to a stranger, and another time to a neighbour; the redirect layer is outside.
/// Guarantees: each hop is a span; the stranger gets nothing of ours, the neighbour gets its ids.
#[tokio::test]
async fn redirects_follow_the_host() {
    let echoing = serve(app()).await.port();
    for (host, wants_ids) in [(STRANGER, false), ("localhost", true)] {
        let target = format!("http://{host}:{echoing}/");
        let redirect = move || async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]) };
        let address = serve(Router::new().route("/", routing::get(redirect))).await;
        let client = ServiceBuilder::new()
            .layer(FollowRedirectLayer::new())
            .layer(JourneyClientLayer::new())
            .service(transport());
        let work = Work::sampled();
        let answer = work.run(client.oneshot(get(format!("http://{address}/")))).await;
        let got = text(answer.expect("the last server answers").into_body()).await;
        let spans = work.spans();
        assert_eq!(spans.len(), 2);
        assert_eq!(spans[0].parent_span_id, spans[1].parent_span_id, "hops are siblings");
        let second = spans[1].span_context.span_id().to_string();
        assert_eq!((got.contains(&second), got.contains("order.id=ORD-7")), (wants_ids, wants_ids), "{got}");
    }
}

/// Scenario: telemetry's own request, sent with suppression.
/// Guarantees: no span, and the headers are left as they are.
#[tokio::test]
async fn suppressed_work_is_left_alone() {
    let (address, work) = (serve(app()).await, Work::sampled());
    let suppressed = async {
        let cx = Context::current().with_telemetry_suppressed();
        let client = JourneyClientLayer::new().layer(transport());
        let answer = client.oneshot(get(format!("http://{address}/"))).with_context(cx).await;
        text(answer.expect("the server answers").into_body()).await
    };
    assert_eq!(work.run(suppressed).await, "");
    assert!(work.spans().is_empty());
}
