//! When and how a span ends.

use std::convert::Infallible;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use axum::routing::get;
use futures_util::future::FutureExt as _;
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use journey_trace::SpanGuard;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status};
use tower::{ServiceExt as _, service_fn};
use tower_layer::Layer as _;

use super::support::{Caller, attribute, lasted, read};
use crate::JourneyLayer;

const OUTCOME: &str = "journey.http.outcome";
const TIME_TO_HEAD: &str = "journey.http.time_to_head";

fn chunks(n: usize, pause: Duration) -> Body {
    Body::from_stream(stream::iter(0..n).then(move |_| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, Infallible>(Bytes::from_static(b"chunk"))
    }))
}

fn app(handler: Router) -> Router {
    handler.layer(JourneyLayer::new())
}

fn assert_ended(caller: Caller, outcome: &str, status: &Status, error_type: Option<&str>) {
    let span = caller.span();
    assert_eq!(attribute(&span, OUTCOME).as_deref(), Some(outcome));
    assert_eq!(&span.status, status);
    assert_eq!(attribute(&span, "error.type").as_deref(), error_type);
}

/// Scenario: the future is dropped before it is ready.
/// Guarantees: the span ends at once as `client_disconnected`, which is no error.
#[tokio::test]
async fn future_dropped() {
    let caller = Caller::sampled();
    let app = app(Router::new().route("/", get(std::future::pending::<()>)));
    let answer = app.oneshot(caller.request("GET", "/"));
    assert!(tokio::time::timeout(Duration::from_millis(20), answer).await.is_err());
    assert_ended(caller, "client_disconnected", &Status::Unset, None);
    assert_eq!(attribute(&caller.span(), "http.response.status_code"), None);
}

/// Scenario: the handler panics, and something further out catches it.
/// Guarantees: outcome and `error.type` say so, and the thread's slot is free for the next request.
#[tokio::test]
async fn handler_panics() {
    let caller = Caller::sampled();
    let app = app(Router::new().route("/", get(|| async { panic!("a panic that the test wants") as () })));
    let answer = app.oneshot(caller.request("GET", "/"));
    assert!(AssertUnwindSafe(answer).catch_unwind().await.is_err());
    assert_ended(caller, "panic", &Status::error(""), Some("panic"));
    assert!(!crate::edge::is_entered());
}

/// Scenario: five chunks of a streamed body, 30 ms apart.
/// Guarantees: the span is not exported before the body has ended, and lasts as long as the body; the time to the
/// head is told apart.
#[tokio::test]
async fn streamed_body() {
    let caller = Caller::sampled();
    let app = app(Router::new().route("/", get(|| async { chunks(5, Duration::from_millis(30)) })));
    let response = app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible");
    assert!(caller.spans().is_empty());
    read(response).await;
    assert_ended(caller, "completed", &Status::Unset, None);
    let span = caller.span();
    let total = lasted(&span);
    assert!(total >= Duration::from_millis(150), "{total:?}");
    let head: f64 =
        attribute(&span, TIME_TO_HEAD).and_then(|text| text.parse().ok()).expect("a head was sent");
    assert!((0.0..total.as_secs_f64() / 2.0).contains(&head), "{head}");
}

/// Scenario: the third chunk of the body is an error.
/// Guarantees: outcome `body_error`, status Error, although the head said 200.
#[tokio::test]
async fn body_fails() {
    let caller = Caller::sampled();
    let body = || async {
        let broken = (0..3).map(|n| if n < 2 { Ok("chunk") } else { Err(io::Error::other("disk")) });
        Body::from_stream(stream::iter(broken))
    };
    let app = app(Router::new().route("/", get(body)));
    let response = app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible");
    assert!(response.into_body().collect().await.is_err());
    assert_ended(caller, "body_error", &Status::error(""), Some("body_error"));
}

/// Scenario: the body learns the order while it is streamed, then panics.
/// Guarantees: the Context is there while the body is polled, and the panic is seen.
#[tokio::test]
async fn body_panics() {
    let caller = Caller::sampled();
    let body = || async {
        let work = stream::once(async {
            assert!(journey_trace::set_user_id("u-1"), "the body has the request's cell");
            panic!("a panic that the test wants") as Result<Bytes, Infallible>
        });
        Body::from_stream(work)
    };
    let app = app(Router::new().route("/", get(body)));
    let response = app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible");
    assert!(AssertUnwindSafe(response.into_body().collect()).catch_unwind().await.is_err());
    assert_ended(caller, "panic", &Status::error(""), Some("panic"));
    assert_eq!(attribute(&caller.span(), "user.id").as_deref(), Some("u-1"));
}

/// Scenario: the body is dropped after one frame.
/// Guarantees: `client_disconnected`, up to the drop.
#[tokio::test]
async fn body_dropped() {
    let caller = Caller::sampled();
    let app = app(Router::new().route("/", get(|| async { chunks(3, Duration::ZERO) })));
    let response = app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible");
    let mut body = response.into_body();
    assert!(body.frame().await.is_some());
    drop(body);
    assert_ended(caller, "client_disconnected", &Status::Unset, None);
}

/// Scenario: a server drops bodies it must not send, or whose announced bytes have all come.
/// Guarantees: these are `completed`: HEAD, 204, 304, and a stream read up to its `Content-Length`.
#[tokio::test]
async fn unread_body_is_completed() {
    let plain = |status| move || async move { (status, chunks(1, Duration::ZERO)) };
    let announced = || async { ([(header::CONTENT_LENGTH, "10")], chunks(3, Duration::ZERO)) };
    let app = app(Router::new()
        .route("/200", get(plain(StatusCode::OK)))
        .route("/204", get(plain(StatusCode::NO_CONTENT)))
        .route("/304", get(plain(StatusCode::NOT_MODIFIED)))
        .route("/announced", get(announced)));
    for (method, path, frames) in [
        (Method::HEAD, "/200", 0),
        (Method::GET, "/204", 0),
        (Method::GET, "/304", 0),
        (Method::GET, "/announced", 2),
    ] {
        let caller = Caller::sampled();
        let request = caller.request(method.as_str(), path);
        let response = app.clone().oneshot(request).await.expect("a router is infallible");
        let mut body = response.into_body();
        for _ in 0..frames {
            assert!(body.frame().await.is_some());
        }
        drop(body);
        assert_ended(caller, "completed", &Status::Unset, None);
    }
}

/// Scenario: the service answers with an error instead of a response.
/// Guarantees: the error comes through unchanged; the span says `error`, `service_error`.
#[tokio::test]
async fn service_fails() {
    let caller = Caller::sampled();
    let failing = service_fn(|_: axum::extract::Request| async {
        Err::<axum::response::Response, _>(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let answer = JourneyLayer::new().layer(failing).oneshot(caller.request("GET", "/")).await;
    assert_eq!(answer.map(|_| ()).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    assert_ended(caller, "error", &Status::error(""), Some("service_error"));
}

/// Scenario: a 101 whose connection lives on.
/// Guarantees: the span ends at the head.
#[tokio::test]
async fn upgrade_ends_at_the_head() {
    let caller = Caller::sampled();
    let app = app(Router::new().route("/", get(|| async { StatusCode::SWITCHING_PROTOCOLS })));
    let response = app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible");
    assert_ended(caller, "completed", &Status::Unset, None);
    drop(response);
}

/// Scenario: a body of known length is dropped unread, by a GET that wanted it.
/// Guarantees: that is a disconnect, because nothing was handed over.
#[tokio::test]
async fn unwanted_body_is_a_disconnect() {
    let caller = Caller::sampled();
    let app = app(Router::new().route("/", get(|| async { "ring" })));
    let response = app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible");
    assert!(caller.spans().is_empty());
    drop(response);
    assert_ended(caller, "client_disconnected", &Status::Unset, None);
}

/// Scenario: the handler leaves a task behind for ever: one that holds a clone of the request's Context, and one that
/// works in a child span.
/// Guarantees: the request's span is exported with the response all the same.
#[tokio::test]
async fn background_task_delays_nothing() {
    let holding = || async {
        let cx = Context::current();
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(cx);
        });
    };
    let working = || async {
        let child = SpanGuard::start("child", SpanKind::Internal, vec![], vec![], &Context::current());
        let cx = child.context().clone();
        let work = async move {
            std::future::pending::<()>().await;
            child.end();
        };
        tokio::spawn(work.with_context(cx));
    };
    for handler in [get(holding), get(working)] {
        let caller = Caller::sampled();
        let app = app(Router::new().route("/", handler));
        read(app.oneshot(caller.request("GET", "/")).await.expect("a router is infallible")).await;
        assert_ended(caller, "completed", &Status::Unset, None);
    }
}
