//! What a span says: named cases, each compared as a whole.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use expect_test::{Expect, expect};
use http::Request;
use journey_tower::JourneyClientLayer;
use journey_tower::client::UrlTemplate;
use tower::{Layer as _, ServiceExt as _};

use super::support::{Body, Work, render, serve, text, transport};

fn app() -> Router {
    Router::new()
        .route("/orders/{id}", any(|| async { "polished" }))
        .route("/gone", any(|| async { StatusCode::GONE }))
        .route("/fail", any(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "sorry") }))
}

async fn check(method: &str, userinfo: &str, path: &str, template: Option<UrlTemplate>, expected: Expect) {
    let address = serve(app()).await;
    let work = Work::sampled();
    let request = Request::builder().method(method).uri(format!("http://{userinfo}{address}{path}"));
    let mut request = request.body(Body::default()).expect("the case is a request");
    if let Some(template) = template {
        request.extensions_mut().insert(template);
    }
    let client = JourneyClientLayer::new().layer(transport());
    let answer = work.run(client.oneshot(request)).await.expect("the server answers");
    text(answer.into_body()).await;
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
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://127.0.0.1:PORT/orders/7"
    "#]],
    )
    .await;
}

/// Scenario: answers 410 without a body, and 500 with one.
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
          network.protocol.version = "1.1"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://127.0.0.1:PORT/fail"
    "#]],
    )
    .await;
}
