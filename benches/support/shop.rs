//! A service in which everything goes wrong that can, for the layers to tell of.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{any, get};
use futures_util::stream;
use http::{Request, Response};
use opentelemetry::trace::{FutureExt as _, SpanContext, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use tower::ServiceExt;
use tracing::Instrument;

/// The service, without a layer.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/orders/{id}", any(order))
        .route("/trace", get(async || current().trace_id().to_string()))
        .route("/fails", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/waits", get(async || tokio::time::sleep(Duration::from_secs(60)).await))
        .route("/panics", get(panics))
        .route("/streams", get(async || Body::from_stream(chunks(CHUNKS))))
        .route("/breaks", get(async || Body::from_stream(chunks(BREAKS_AT))))
        .route("/background/{how}", get(background))
}

/// A request as all of them come: with credentials, a proxy's headers, a parent, and ids.
pub(crate) fn request(method: &str, uri: &str, flags: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(uri)
        .header("host", "shop-api:8080")
        .header("user-agent", "curl/8.5.0")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("cookie", format!("session={TOKEN}"))
        .header("x-forwarded-for", "10.1.2.3, 10.0.0.1")
        .header("x-forwarded-proto", "https")
        .header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"))
        .header("baggage", "order.id=ORD-000123")
        .body(Body::empty())
        .expect("it is a request")
}

/// Sends a request; a panic of the handler comes back as it would in a server's task.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> Option<Response<Body>> {
    let router = router.clone();
    let task = tokio::spawn(async move {
        let Ok::<_, Infallible>(response) = router.oneshot(request).await;
        response
    });
    task.await.ok()
}

async fn order(Path(_id): Path<String>) -> &'static str {
    // A span of each kind, as a service makes them within its request.
    drop(global::tracer("shop").start("direct child"));
    tracing::info_span!("tracing child").in_scope(|| ());
    "polished"
}

async fn panics() -> &'static str {
    // Not only a panic, but one that the layer's own poll sees.
    tokio::task::yield_now().await;
    panic!("the handler breaks")
}

/// Starts work of 400 ms that holds on to the request in one way or another.
async fn background(Path(how): Path<String>) -> &'static str {
    let work = || tokio::time::sleep(BACKGROUND);
    let child = || {
        let span = global::tracer("shop").start("direct child");
        Context::current_with_span(span)
    };
    match how.as_str() {
        "tracing" => drop(tokio::spawn(work().instrument(tracing::info_span!("tracing child")))),
        "direct" => drop(tokio::spawn(work().with_context(child()))),
        "clone" => drop(tokio::spawn(work().with_context(Context::current()))),
        _ => {
            let both = work().with_context(child()).instrument(tracing::info_span!("tracing child"));
            drop(tokio::spawn(both));
        }
    }
    "accepted"
}

fn current() -> SpanContext {
    Context::current().span().span_context().clone()
}

/// Chunks of a body, one each [`PAUSE`]; the one with this number is an error.
fn chunks(broken: usize) -> impl stream::Stream<Item = io::Result<&'static str>> {
    stream::unfold(0, move |number| async move {
        if number == CHUNKS {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
        let chunk = if number == broken { Err(io::Error::other("the source broke")) } else { Ok("chunk") };
        Some((chunk, number + 1))
    })
}

/// Chunks of a body that comes to its end.
pub(crate) const CHUNKS: usize = 5;
/// Before each chunk.
pub(crate) const PAUSE: Duration = Duration::from_millis(30);
/// Time that work in the background takes.
pub(crate) const BACKGROUND: Duration = Duration::from_millis(400);
/// What nobody but the service should know.
pub(crate) const TOKEN: &str = "t0k3n";
/// The caller's trace.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The caller's span.
pub(crate) const PARENT: &str = "00f067aa0ba902b7";
/// The third chunk.
const BREAKS_AT: usize = 2;
