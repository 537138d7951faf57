//! What the hops may allocate per request: a gate that counts, and takes no time.
//!
//! A test binary of its own, because the allocator that counts is one for the whole process. It counts on the thread of
//! the request only; what the export thread does is no cost of the request. Everything is on: init with an exporter, the
//! journey's cell, metrics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::LazyLock;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Extensions, Request};
use axum::routing::get;
use futures_util::FutureExt;
use journey::Guard;
use journey::reqwest::JourneyMiddleware;
use journey::tower::JourneyLayer;
use journey_testkit::collector::Collector;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use reqwest::ResponseBuilderExt;
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use tower::{Layer, Service};

/// Scenario: requests with a sampled and an unsampled parent, without one while the sampler takes none, and with three
/// ids in the caller's baggage, through the server layer and through a layer that does nothing.
/// Guarantees: the server layer allocates at most 12 times more if the request is recorded, 5 if not, and once more for
/// each id.
#[test]
fn server_layer() {
    LazyLock::force(&JOURNEY);
    let traced = router().layer(JourneyLayer::new()).with_state(());
    let bare = router().layer(PassOn).with_state(());
    for (name, headers, at_most) in [
        ("sampled", &[("traceparent", SAMPLED)][..], 12),
        ("unsampled", &[("traceparent", UNSAMPLED)], 5),
        ("unsampled root", &[], 5),
        ("sampled, three ids", &[("traceparent", SAMPLED), ("baggage", IDS)], 15),
        ("unsampled, three ids", &[("traceparent", UNSAMPLED), ("baggage", IDS)], 8),
    ] {
        let count = |router: &Router| median(|| serve(router, headers));
        let over = recording(headers.contains(&("traceparent", SAMPLED)), || count(&traced)) - count(&bare);
        assert!(over <= at_most, "{name}: {over} allocations, at most {at_most}");
    }
}

/// Scenario: calls within a sampled and an unsampled request, with the client middleware and without, answered in memory.
/// Guarantees: the middleware allocates at most as often as written here.
#[test]
fn client_middleware() {
    LazyLock::force(&JOURNEY);
    let client = || ClientBuilder::new(reqwest::Client::new());
    let traced = client().with(JourneyMiddleware::new()).with(Answer).build();
    let bare = client().with(Answer).build();
    for (name, flags, at_most) in
        [("sampled", TraceFlags::SAMPLED, 17), ("unsampled", TraceFlags::NOT_SAMPLED, 13)]
    {
        let parent = SpanContext::new(
            TraceId::from_bytes([7; 16]),
            SpanId::from_bytes([9; 8]),
            flags,
            true,
            TraceState::default(),
        );
        let _attached = Context::new().with_remote_span_context(parent).attach();
        let call = |client: &reqwest_middleware::ClientWithMiddleware| {
            let response = now(client.get("http://crm-api:8080/orders/ORD-1?full=1").send()).unwrap();
            assert_eq!(now(response.bytes()).unwrap().len(), 8);
        };
        let count = || median(|| call(&traced));
        let over = recording(flags == TraceFlags::SAMPLED, count) - median(|| call(&bare));
        assert!(over <= at_most, "{name}: {over} allocations, at most {at_most}");
    }
}

/// Allocations of the work on this thread. The middle of many runs: now and then a queue grows.
fn median(mut work: impl FnMut()) -> i64 {
    let mut count = || i64::try_from(allocation_counter::measure(&mut work).count_total).unwrap();
    // What is made once per route, host or series is no cost of a request.
    for _ in 0..WARM_UP {
        count();
    }
    let mut counts: Vec<i64> = (0..RUNS).map(|_| count()).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

/// Does the work, and makes sure that its spans are sent if they are to be recorded: what records nothing costs little.
fn recording<T>(recorded: bool, work: impl FnOnce() -> T) -> T {
    let (_, guard) = &*JOURNEY;
    let before = guard.flush(PATIENCE).spans_delivered;
    let done = work();
    let sent = guard.flush(PATIENCE).spans_delivered - before;
    // The other test's spans may be among them.
    assert!(!recorded || sent >= (WARM_UP + RUNS) as u64, "only {sent} spans were sent");
    done
}

fn serve(router: &Router, headers: &[(&str, &str)]) {
    let mut request = Request::get("/orders/12345?full=1").header("host", "shop-api:8080");
    request = request.header("user-agent", "curl/8.5.0");
    request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut router = router.clone();
    let response = now(router.call(request.body(Body::empty()).unwrap())).unwrap();
    assert_eq!(now(axum::body::to_bytes(response.into_body(), 8)).unwrap().len(), 8);
}

fn router() -> Router {
    Router::new().route("/orders/{id}", get(async |Path(_id): Path<String>| "polished"))
}

/// Nothing here waits for anything.
fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it is ready at once")
}

/// Journey as a service starts it, for as long as the tests run.
static JOURNEY: LazyLock<(Collector, Guard)> = LazyLock::new(|| {
    let collector = Collector::start().unwrap();
    let guard = journey::builder("allocations")
        .environment([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().as_str()),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            // Requests with a parent follow it, those without one are not sampled.
            ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
        ])
        .init()
        .unwrap();
    (collector, guard)
});

/// The layer that does nothing.
#[derive(Debug, Clone)]
struct PassOn;

impl<S> Layer<S> for PassOn {
    type Service = PassedOn<S>;

    fn layer(&self, inner: S) -> PassedOn<S> {
        PassedOn(inner)
    }
}

#[derive(Debug, Clone)]
struct PassedOn<S>(S);

impl<S, R> Service<R> for PassedOn<S>
where
    S: Service<R, Error = Infallible>,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}

/// Answers instead of the network.
struct Answer;

#[async_trait]
impl Middleware for Answer {
    /// With its URL and with extensions, where hyper keeps the addresses of every real connection.
    async fn handle(
        &self,
        request: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let answer = axum::http::Response::builder().url(request.url().clone()).body("polished");
        Ok(answer.unwrap().into())
    }
}

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const IDS: &str = "order.id=ORD-000123,cart.id=c-8f2b61,user.id=u-4711";
const PATIENCE: Duration = Duration::from_secs(10);
const WARM_UP: usize = 64;
const RUNS: usize = 101;
