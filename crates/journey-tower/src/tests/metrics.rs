//! What is measured: one sample per request, however it ends, and a gauge that comes back to 0.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::{any, get};
use futures_util::future::join_all;
use futures_util::{FutureExt as _, stream};
use http_body_util::BodyExt as _;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tower::ServiceExt as _;

use super::support::{Caller, attribute, lasted};
use crate::JourneyLayer;

/// Samples of one series since the start of the process.
#[derive(Debug, PartialEq)]
struct Samples {
    attributes: String,
    count: u64,
    sum: f64,
}

/// One meter for all tests of the process; each test has routes or methods of its own.
fn meter() -> &'static (SdkMeterProvider, InMemoryMetricExporter) {
    static METER: OnceLock<(SdkMeterProvider, InMemoryMetricExporter)> = OnceLock::new();
    METER.get_or_init(|| {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        journey_trace::metrics::install(&provider.meter(journey_trace::span::SCOPE_NAME));
        (provider, exporter)
    })
}

fn collected() -> ResourceMetrics {
    let (provider, exporter) = meter();
    provider.force_flush().expect("the reader is alive");
    exporter.get_finished_metrics().expect("the exporter is alive").pop().expect("something was measured")
}

/// Samples of `http.server.request.duration` with this attribute.
fn samples(key: &str, value: &str) -> Vec<Samples> {
    let all = collected();
    let metrics = all.scope_metrics().flat_map(|scope| scope.metrics());
    let duration = metrics.filter(|metric| metric.name() == "http.server.request.duration");
    let mut samples = Vec::new();
    for metric in duration {
        let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
            panic!("the duration is a histogram");
        };
        assert_eq!(metric.unit(), "s");
        for point in histogram.data_points() {
            if point.attributes().any(|kv| kv.key.as_str() == key && kv.value.as_str() == value) {
                let attributes = rendered(point.attributes(), key);
                samples.push(Samples { attributes, count: point.count(), sum: point.sum() });
            }
        }
    }
    samples
}

/// The other attributes, without the scheme and version that all have.
fn rendered<'a>(attributes: impl Iterator<Item = &'a KeyValue>, key: &str) -> String {
    let same = [("url.scheme", "http"), ("network.protocol.version", "1.1")];
    let (common, own): (Vec<&KeyValue>, Vec<&KeyValue>) =
        attributes.partition(|kv| same.contains(&(kv.key.as_str(), &*kv.value.as_str())));
    assert_eq!(common.len(), same.len());
    let own = own.into_iter().filter(|kv| kv.key.as_str() != key);
    let mut texts: Vec<String> = own.map(|kv| format!("{}={}", kv.key, kv.value)).collect();
    texts.sort();
    texts.join(" ")
}

/// `http.server.active_requests` of a method.
fn active(method: &str) -> i64 {
    let all = collected();
    let metrics = all.scope_metrics().flat_map(|scope| scope.metrics());
    let mut active = 0;
    for metric in metrics.filter(|metric| metric.name() == "http.server.active_requests") {
        let AggregatedMetrics::I64(MetricData::Sum(sum)) = metric.data() else {
            panic!("the gauge is a sum");
        };
        let of_method =
            |kv: &KeyValue| kv.key.as_str() == "http.request.method" && kv.value.as_str() == method;
        active += sum
            .data_points()
            .filter(|point| point.attributes().any(of_method))
            .map(|p| p.value())
            .sum::<i64>();
    }
    active
}

fn broken_body() -> Body {
    Body::from_stream(stream::iter([Ok("chunk"), Err(std::io::Error::other("disk"))]))
}

fn endless_body() -> Body {
    Body::from_stream(stream::pending::<Result<String, Infallible>>())
}

fn app() -> Router {
    meter();
    let handler = async |request: Request<Body>| -> Response {
        let answer = |status: StatusCode| Response::builder().status(status);
        let answer = match request.uri().path().rsplit('/').next() {
            Some("ok") => answer(StatusCode::OK).body(Body::from("ring")),
            Some("failed") => answer(StatusCode::INTERNAL_SERVER_ERROR).body(Body::empty()),
            Some("late") => answer(StatusCode::GATEWAY_TIMEOUT).body(Body::empty()),
            Some("broken") => answer(StatusCode::OK).body(broken_body()),
            Some("events") => {
                answer(StatusCode::OK).header("content-type", "text/event-stream").body(endless_body())
            }
            Some("panic") => panic!("a panic that the test wants"),
            _ => std::future::pending().await,
        };
        answer.expect("the response is well formed")
    };
    let mut router = Router::new();
    for name in ["ok", "failed", "late", "broken", "events", "panic", "waiting", "unsampled"] {
        router = router.route(&format!("/measured/{name}"), any(handler));
    }
    router.layer(JourneyLayer::new())
}

/// Sends a request and reads the answer, if there is one within 20 ms, for as long.
async fn send(app: Router, request: Request<Body>) {
    let patience = Duration::from_millis(20);
    let answer = AssertUnwindSafe(app.oneshot(request)).catch_unwind();
    if let Ok(Ok(Ok(response))) = tokio::time::timeout(patience, answer).await {
        let _ = tokio::time::timeout(patience, response.into_body().collect()).await;
    }
}

/// Scenario: a request for each way to end.
/// Guarantees: each gives one sample, with the error type of its span and exactly the span's length.
#[tokio::test]
async fn each_outcome_gives_one_sample() {
    let get = "http.request.method=GET";
    for (name, outcome, expected) in [
        ("ok", "completed", format!("{get} http.response.status_code=200")),
        ("failed", "completed", format!("error.type=500 {get} http.response.status_code=500")),
        ("late", "timeout", format!("error.type=504 {get} http.response.status_code=504")),
        ("broken", "body_error", format!("error.type=body_error {get} http.response.status_code=200")),
        (
            "events",
            "client_disconnected",
            format!("{get} http.response.status_code=200 journey.http.streamed=true"),
        ),
        ("panic", "panic", format!("error.type=panic {get}")),
        ("waiting", "client_disconnected", get.to_owned()),
    ] {
        let caller = Caller::sampled();
        let path = format!("/measured/{name}");
        send(app(), caller.request("GET", &path)).await;
        let span = caller.span();
        assert_eq!(attribute(&span, "journey.http.outcome").as_deref(), Some(outcome), "{name}");
        let sample = Samples { attributes: expected, count: 1, sum: lasted(&span).as_secs_f64() };
        assert_eq!(samples("http.route", &path), [sample], "{name}");
    }
}

/// Scenario: a request whose trace is not sampled, through two layers, one inside the other.
/// Guarantees: it is measured once, under its route.
#[tokio::test]
async fn unsampled_requests_are_measured_once() {
    meter();
    let inside = Router::new().route("/measured/twice/{id}", get(|| async {})).layer(JourneyLayer::new());
    let outside = Router::new().fallback_service(inside).layer(JourneyLayer::new());
    send(outside, Caller::unsampled().request("GET", "/measured/twice/7")).await;
    let samples = samples("http.route", "/measured/twice/{id}");
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].count, 1);
}

/// Scenario: a method that nobody knows.
/// Guarantees: it is `_OTHER` in the metric.
#[tokio::test]
async fn unknown_methods_are_no_label() {
    send(app(), Caller::sampled().request("FOOBAR", "/measured/unsampled")).await;
    let samples = samples("http.route", "/measured/unsampled");
    assert_eq!(samples[0].attributes, "http.request.method=_OTHER");
}

/// Scenario: ten requests at once that end in every way, and ten that are given up.
/// Guarantees: the gauge counts all of them while they go on, and is back at 0 afterwards.
#[tokio::test]
async fn the_gauge_comes_back() {
    const METHOD: &str = "TRACE";
    let request = |name: &str| Caller::sampled().request(METHOD, &format!("/measured/{name}"));
    let waiting: Vec<_> = (0..10).map(|_| Box::pin(app().oneshot(request("waiting")))).collect();
    let waiting = join_all(waiting).now_or_never();
    assert!(waiting.is_none());
    assert_eq!(active(METHOD), 0, "now_or_never has dropped them");

    let mut waiting: Vec<_> = (0..10).map(|_| Box::pin(app().oneshot(request("waiting")))).collect();
    for answer in &mut waiting {
        assert!(futures_util::poll!(answer).is_pending());
    }
    assert_eq!(active(METHOD), 10);
    drop(waiting);
    assert_eq!(active(METHOD), 0);

    join_all(["ok", "failed", "broken", "events", "panic", "waiting"].map(|name| send(app(), request(name))))
        .await;
    assert_eq!(active(METHOD), 0);
}
