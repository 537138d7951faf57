//! Responses that last as long as somebody listens.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::support::{Caller, attribute, read};
use crate::{JourneyLayer, Streamed};

const OUTCOME: &str = "journey.http.outcome";
const STREAMED: &str = "journey.http.streamed";

async fn send(caller: Caller, path: &str) -> Response {
    let events = || async { Sse::new(stream::iter([Event::default().data("a")].map(Ok::<_, Infallible>))) };
    let unknown_length = || Body::from_stream(stream::iter(["a", "b"].map(Ok::<_, Infallible>)));
    let lines = move || async move { ([("content-type", "application/x-ndjson")], unknown_length()) };
    let marked = move || async move { (Extension(Streamed), unknown_length()).into_response() };
    let app = Router::new()
        .route("/events", get(events))
        .route("/lines", get(lines))
        .route("/marked", get(marked))
        .route("/page", get(move || async move { unknown_length() }))
        .layer(JourneyLayer::new());
    app.oneshot(caller.request("GET", path)).await.expect("a router is infallible")
}

/// Scenario: server-sent events, JSON lines, a marked response, and a page of unknown length, each read to its end.
/// Guarantees: the first three are streams, and all are completed.
#[tokio::test]
async fn streams_are_marked() {
    for (path, streamed) in [("/events", true), ("/lines", true), ("/marked", true), ("/page", false)] {
        let caller = Caller::sampled();
        read(send(caller, path).await).await;
        let span = caller.span();
        assert_eq!(attribute(&span, STREAMED).is_some_and(|value| value == "true"), streamed, "{path}");
        assert_eq!(attribute(&span, OUTCOME).as_deref(), Some("completed"), "{path}");
    }
}

/// Scenario: a listener leaves after the first event.
/// Guarantees: the span ends then, as a stream that the client left.
#[tokio::test]
async fn a_left_stream_is_a_disconnect() {
    let caller = Caller::sampled();
    let mut body = send(caller, "/lines").await.into_body();
    assert!(body.frame().await.is_some());
    assert!(caller.spans().is_empty());
    drop(body);
    let span = caller.span();
    assert_eq!(attribute(&span, OUTCOME).as_deref(), Some("client_disconnected"));
    assert_eq!(attribute(&span, STREAMED).as_deref(), Some("true"));
}
