//! Deadlines and caught panics of other layers, inside of ours and outside.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use expect_test::expect;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::support::{Caller, attribute, read};
use crate::{JourneyLayer, RouteLayer};

fn slow() -> Router {
    Router::new().route("/slow", get(std::future::pending::<()>)).route_layer(RouteLayer::new())
}

fn panicking() -> Router {
    Router::new().route("/panic", get(|| async { panic!("a panic that the test wants") as () }))
}

fn deadline(status: StatusCode) -> TimeoutLayer {
    TimeoutLayer::with_status_code(status, Duration::from_millis(10))
}

async fn run(app: Router, path: &str) -> (StatusCode, Caller) {
    let caller = Caller::sampled();
    let response = app.oneshot(caller.request("GET", path)).await.expect("a router is infallible");
    let status = response.status();
    read(response).await;
    (status, caller)
}

/// Scenario: a deadline inside our layer passes, and is answered as the server's fault.
/// Guarantees: outcome `timeout`, an error by its status code, named after the route that was slow.
#[tokio::test]
async fn a_deadline_inside() {
    let layers =
        ServiceBuilder::new().layer(JourneyLayer::new()).layer(deadline(StatusCode::GATEWAY_TIMEOUT));
    let (_, caller) = run(slow().layer(layers), "/slow").await;
    caller.check(&expect![[r#"
        GET /slow Server Error { description: "" } parent=caller
          error.type = "504"
          http.request.method = "GET"
          http.response.status_code = 504
          http.route = "/slow"
          journey.http.outcome = "timeout"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/slow"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: the same deadline is answered as the caller's fault.
/// Guarantees: outcome `timeout`, but no error: a 4xx of a server is none.
#[tokio::test]
async fn a_deadline_of_the_caller() {
    let layers =
        ServiceBuilder::new().layer(JourneyLayer::new()).layer(deadline(StatusCode::REQUEST_TIMEOUT));
    let (_, caller) = run(slow().layer(layers), "/slow").await;
    let span = caller.span();
    assert_eq!(attribute(&span, "journey.http.outcome").as_deref(), Some("timeout"));
    assert_eq!(attribute(&span, "error.type"), None);
    assert_eq!(span.status, opentelemetry::trace::Status::Unset);
}

/// Scenario: the deadline is outside of our layer, so it drops our future.
/// Guarantees: the span cannot tell it from a client that went away, and has the route all the same.
#[tokio::test]
async fn a_deadline_outside() {
    let layers =
        ServiceBuilder::new().layer(deadline(StatusCode::GATEWAY_TIMEOUT)).layer(JourneyLayer::new());
    let (status, caller) = run(slow().layer(layers), "/slow").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    let span = caller.span();
    assert_eq!(span.name, "GET /slow");
    assert_eq!(attribute(&span, "journey.http.outcome").as_deref(), Some("client_disconnected"));
}

/// Scenario: a handler panics, and a layer catches it, once inside of ours and once outside.
/// Guarantees: inside it is a 500 as any other; outside our span has seen the panic.
#[tokio::test]
async fn a_caught_panic() {
    let inside = ServiceBuilder::new().layer(JourneyLayer::new()).layer(CatchPanicLayer::new());
    let (_, caller) = run(panicking().layer(inside), "/panic").await;
    let span = caller.span();
    assert_eq!(attribute(&span, "journey.http.outcome").as_deref(), Some("completed"));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("500"));

    let outside = ServiceBuilder::new().layer(CatchPanicLayer::new()).layer(JourneyLayer::new());
    let (status, caller) = run(panicking().layer(outside), "/panic").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let span = caller.span();
    assert_eq!(attribute(&span, "journey.http.outcome").as_deref(), Some("panic"));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("panic"));
}
