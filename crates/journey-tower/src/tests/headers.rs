//! Headers that a span shows, and those it does not.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;
use tower::ServiceExt as _;

use super::support::{Caller, read};
use crate::JourneyLayer;

/// The captured headers of a request to a handler that answers with a header and a cookie.
async fn captured(layer: JourneyLayer) -> Vec<String> {
    let handler = || async { ([("x-cache", "hit"), ("set-cookie", "session=TOPSECRET")], "ring") };
    let app = Router::new().route("/", get(handler)).layer(layer);
    let caller = Caller::sampled();
    let mut request = caller.request("GET", "/");
    request.headers_mut().extend(HeaderMap::from_iter([(
        "x-tenant".parse().expect("a header name"),
        "rings".parse().expect("a header value"),
    )]));
    read(app.oneshot(request).await.expect("a router is infallible")).await;
    headers(&caller.span())
}

fn headers(span: &SpanData) -> Vec<String> {
    let is_header =
        |key: &str| key.starts_with("http.request.header") || key.starts_with("http.response.header");
    let captured = span.attributes.iter().filter(|kv| is_header(kv.key.as_str()));
    let mut lines: Vec<String> = captured
        .inspect(|kv| assert!(matches!(kv.value, Value::Array(_)), "{} is an array", kv.key))
        .map(|kv| format!("{} = {}", kv.key, kv.value))
        .collect();
    lines.sort();
    lines
}

/// Scenario: no list; a list of both directions; a list that asks for credentials.
/// Guarantees: only what is listed is shown, in arrays, and no credentials.
#[tokio::test]
async fn only_listed_headers_are_shown() {
    assert!(captured(JourneyLayer::new()).await.is_empty());
    let listed = JourneyLayer::new()
        .capture_request_headers(["X-Tenant", "X-Absent", "Authorization", "Cookie"])
        .capture_response_headers(["X-Cache", "Set-Cookie"]);
    let expected = ["http.request.header.x-tenant = [\"rings\"]", "http.response.header.x-cache = [\"hit\"]"];
    assert_eq!(captured(listed).await, expected);
}

/// Scenario: the unsafe calls ask for credentials.
/// Guarantees: they get them.
#[tokio::test]
async fn credentials_need_an_unsafe_call() {
    let layer = JourneyLayer::new()
        .unsafe_capture_request_headers(["authorization"])
        .unsafe_capture_response_headers(["set-cookie"]);
    let expected = [
        "http.request.header.authorization = [\"Bearer TOPSECRET\"]",
        "http.response.header.set-cookie = [\"session=TOPSECRET\"]",
    ];
    assert_eq!(captured(layer).await, expected);
}

/// Scenario: a hostile request: a path, an agent and a method of many kilobytes.
/// Guarantees: the span's texts are bounded.
#[tokio::test]
async fn texts_are_bounded() {
    let caller = Caller::sampled();
    let long = "x".repeat(8 * 1024);
    let mut request = caller.request(&long, &format!("/{long}"));
    request.headers_mut().insert("user-agent", long.parse().expect("a header value"));
    let app = Router::new().route("/", get(|| async {})).layer(JourneyLayer::new());
    read(app.oneshot(request).await.expect("a router is infallible")).await;
    let longest = caller.span().attributes.iter().map(|kv| kv.value.as_str().len()).max();
    assert_eq!(longest, Some(crate::limits::PATH_BYTES_MAX));
}
