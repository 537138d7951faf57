//! What a span says: a table of requests, each compared as a whole.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::routing::{any, get};
use expect_test::expect;
use tower::ServiceExt as _;

use super::support::{Caller, read};
use crate::{ForwardedBy, JourneyLayer, RouteLayer};

fn app(layer: JourneyLayer) -> Router {
    Router::new()
        .route("/orders/{id}", get(|| async { "polished" }))
        .route("/fail", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/any", any(|| async { "any" }))
        .layer(layer)
}

async fn run(app: Router, method: &str, uri: &str) -> Caller {
    let caller = Caller::sampled();
    let response = app.oneshot(caller.request(method, uri)).await.expect("a router is infallible");
    read(response).await;
    caller
}

/// Scenario: a known route with a signed query, from a caller that sends a trace, baggage and credentials.
/// Guarantees: route in the name, remote parent, values of the query hidden, no header leaks, forwarded headers not believed.
#[tokio::test]
async fn known_route() {
    let caller = run(app(JourneyLayer::new()), "GET", "/orders/7?sig=SECRET&q=1").await;
    caller.check(&expect![[r#"
        GET /orders/{id} Server Unset parent=caller
          http.request.method = "GET"
          http.response.status_code = 200
          http.route = "/orders/{id}"
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/orders/7"
          url.query = "sig=REDACTED&q=REDACTED"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: the same behind a trusted proxy, over a connection that axum knows.
/// Guarantees: scheme and client are the proxy's word, from its own element of the list; the peer is the proxy.
#[tokio::test]
async fn known_route_behind_proxy() {
    let caller = Caller::sampled();
    let mut request = caller.request("GET", "/orders/7");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 9, 9, 9], 4711))));
    let app = app(JourneyLayer::new().behind_proxy(ForwardedBy::XForwarded));
    read(app.oneshot(request).await.expect("a router is infallible")).await;
    caller.check(&expect![[r#"
        GET /orders/{id} Server Unset parent=caller
          client.address = "10.0.0.1"
          http.request.method = "GET"
          http.response.status_code = 200
          http.route = "/orders/{id}"
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.peer.address = "10.9.9.9"
          network.peer.port = 4711
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/orders/7"
          url.scheme = "https"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: a path without a route.
/// Guarantees: the name is the method alone, no `http.route`, status Unset.
#[tokio::test]
async fn unknown_path() {
    run(app(JourneyLayer::new()), "GET", "/nowhere/7").await.check(&expect![[r#"
        GET Server Unset parent=caller
          http.request.method = "GET"
          http.response.status_code = 404
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/nowhere/7"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: the handler answers 500.
/// Guarantees: Error without description, `error.type` is the code.
#[tokio::test]
async fn server_error() {
    run(app(JourneyLayer::new()), "GET", "/fail").await.check(&expect![[r#"
        GET /fail Server Error { description: "" } parent=caller
          error.type = "500"
          http.request.method = "GET"
          http.response.status_code = 500
          http.route = "/fail"
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/fail"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: a method nobody knows.
/// Guarantees: it reaches neither the name nor `http.request.method`.
#[tokio::test]
async fn unknown_method() {
    run(app(JourneyLayer::new()), "FOOBAR", "/any").await.check(&expect![[r#"
        HTTP /any Server Unset parent=caller
          http.request.method = "_OTHER"
          http.request.method_original = "FOOBAR"
          http.response.status_code = 200
          http.route = "/any"
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/any"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: the layer stands outside the router, with the recorder inside; a route and a path without one.
/// Guarantees: the route is found late, and both requests have their span.
#[tokio::test]
async fn late_route() {
    let inside =
        Router::new().route("/orders/{id}", get(|| async { "polished" })).route_layer(RouteLayer::new());
    let outside = Router::new().fallback_service(inside).layer(JourneyLayer::new());
    run(outside.clone(), "GET", "/orders/7").await.check(&expect![[r#"
        GET /orders/{id} Server Unset parent=caller
          http.request.method = "GET"
          http.response.status_code = 200
          http.route = "/orders/{id}"
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/orders/7"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
    run(outside, "GET", "/nowhere").await.check(&expect![[r#"
        GET Server Unset parent=caller
          http.request.method = "GET"
          http.response.status_code = 404
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/nowhere"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}

/// Scenario: the caller's trace is not sampled, but our sampler does not follow it.
/// Guarantees: the span has its name and all attributes, although they came after its start.
#[tokio::test]
async fn wanted_in_spite_of_the_caller() {
    let caller = Caller::wanted();
    let answer = app(JourneyLayer::new()).oneshot(caller.request("GET", "/orders/7")).await;
    read(answer.expect("a router is infallible")).await;
    caller.check(&expect![[r#"
        GET /orders/{id} Server Unset parent=caller
          http.request.method = "GET"
          http.response.status_code = 200
          http.route = "/orders/{id}"
          journey.http.outcome = "completed"
          journey.http.time_to_head = …
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "shop.internal"
          server.port = 8080
          url.path = "/orders/7"
          url.scheme = "http"
          user_agent.original = "scenario/1"
    "#]]);
}
