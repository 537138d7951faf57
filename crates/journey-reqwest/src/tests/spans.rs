//! What a span says: named cases, each compared as a whole.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get};
use expect_test::{Expect, expect};
use reqwest::{Method, Request};

use super::support::{Work, client, render, serve};
use crate::UrlTemplate;

fn app() -> Router {
    Router::new()
        .route("/orders/{id}", any(|| async { "polished" }))
        .route("/gone", get(|| async { StatusCode::GONE }))
        .route("/fail", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
}

async fn check(method: &str, userinfo: &str, path: &str, template: Option<UrlTemplate>, expected: Expect) {
    let address = serve(app()).await;
    let work = Work::sampled();
    let url = format!("http://{userinfo}{address}{path}").parse().expect("the case is a URL");
    let method = Method::from_bytes(method.as_bytes()).expect("the case is a method");
    let request = Request::new(method, url);
    let mut extensions = http::Extensions::new();
    if let Some(template) = template {
        extensions.insert(template);
    }
    let answer = work.run(client().execute_with_extensions(request, &mut extensions)).await;
    answer.expect("the server answers").bytes().await.expect("the body is whole");
    expected.assert_eq(&render(&work.span(), address));
}

/// Scenario: a request with credentials and a signature in its URL, and a template.
/// Guarantees: secrets are hidden, numbers are ints, the name has the template.
#[tokio::test]
async fn success() {
    let template = Some(UrlTemplate("/orders/{id}"));
    check(
        "GET",
        "user:secret@",
        "/orders/7?sig=SECRET&q=1",
        template,
        expect![[r#"
        GET /orders/{id} Client Unset
          http.request.method = "GET"
          http.response.status_code = 200
          network.peer.address = "127.0.0.1"
          network.peer.port = PORT
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://REDACTED:REDACTED@127.0.0.1:PORT/orders/7?sig=REDACTED&q=REDACTED"
          url.template = "/orders/{id}"
    "#]],
    )
    .await;
}

/// Scenario: a method nobody knows, without a template.
/// Guarantees: `HTTP`, `_OTHER` and the original; no path in the name.
#[tokio::test]
async fn unknown_method() {
    check(
        "FOOBAR",
        "",
        "/orders/7",
        None,
        expect![[r#"
        HTTP Client Unset
          http.request.method = "_OTHER"
          http.request.method_original = "FOOBAR"
          http.response.status_code = 200
          network.peer.address = "127.0.0.1"
          network.peer.port = PORT
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://127.0.0.1:PORT/orders/7"
    "#]],
    )
    .await;
}

/// Scenario: answers 410 and 500.
/// Guarantees: both are errors of a client, without description, and `error.type` is the code.
#[tokio::test]
async fn error_codes() {
    check(
        "GET",
        "",
        "/gone",
        None,
        expect![[r#"
        GET Client Error { description: "" }
          error.type = "410"
          http.request.method = "GET"
          http.response.status_code = 410
          network.peer.address = "127.0.0.1"
          network.peer.port = PORT
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://127.0.0.1:PORT/gone"
    "#]],
    )
    .await;
    check(
        "GET",
        "",
        "/fail",
        None,
        expect![[r#"
        GET Client Error { description: "" }
          error.type = "500"
          http.request.method = "GET"
          http.response.status_code = 500
          network.peer.address = "127.0.0.1"
          network.peer.port = PORT
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://127.0.0.1:PORT/fail"
    "#]],
    )
    .await;
}
