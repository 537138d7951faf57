//! What is measured of requests, whatever becomes of their spans.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::get;
use journey::tower::JourneyLayer;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::scene::{Scene, UNSAMPLED, ask, asked_by, play, serve};
use crate::sdk::alone::alone;
use crate::sdk::received;

/// One series: its labels, and its number of samples or its value.
type Series = (BTreeMap<String, String>, f64, f64);

/// The series of one metric in the newest body.
fn series(bodies: &[Vec<u8>], name: &str) -> Vec<Series> {
    let request = ExportMetricsServiceRequest::decode(&**bodies.last().expect("metrics came")).unwrap();
    let scopes = request.resource_metrics.into_iter().flat_map(|group| group.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).filter(|metric| metric.name == name).flat_map(points).collect()
}

fn points(metric: Metric) -> Vec<Series> {
    match metric.data.expect("a metric has data") {
        Data::Histogram(data) => data
            .data_points
            .iter()
            .map(|point| (received::text(&point.attributes), point.count as f64, point.sum()))
            .collect(),
        Data::Sum(data) => data
            .data_points
            .iter()
            .map(|point| match point.value {
                Some(Value::AsInt(number)) => (received::text(&point.attributes), number as f64, 0.0),
                _ => panic!("a number of requests is whole"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// `route status error.type` of each series, and its number of samples.
fn outcomes(series: &[Series]) -> BTreeMap<String, f64> {
    let keys = ["http.request.method", "http.route", "http.response.status_code", "error.type"];
    let words = |labels: &BTreeMap<String, String>| {
        keys.iter().filter_map(|key| labels.get(*key)).cloned().collect::<Vec<_>>().join(" ")
    };
    series.iter().map(|(labels, count, _)| (words(labels), *count)).collect()
}

async fn panicking() -> &'static str {
    panic!("as the scenario wants it")
}

fn routes() -> Router {
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("chunk"));
    Router::new()
        .route("/fine/{id}", get(|| async { "fine" }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/panicking", get(panicking))
        .route("/hanging", get(|| sleep(Duration::from_secs(60))))
        .route("/endless", get(move || async move { Body::from_stream(endless) }))
        .layer(JourneyLayer::new())
}

/// Asks, waits for the first bytes if `reads`, and hangs up.
async fn hang_up(address: std::net::SocketAddr, path: &str, reads: bool) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: evil\r\n\r\n").as_bytes()).await.unwrap();
    if reads {
        assert!(connection.read(&mut [0; 256]).await.unwrap() > 0);
    } else {
        sleep(Duration::from_millis(30)).await;
    }
}

const METRICS: [(&str, &str); 2] =
    [("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_METRIC_EXPORT_INTERVAL", "3600000")];

/// Scenario: requests that end in every way, one of them not sampled, one with a method that nobody knows.
/// Guarantees: one sample each, with the error of its span; nobody is active at the end; no label is the caller's to
/// choose.
#[test]
fn every_request_is_one_sample() {
    alone(|| {
        let mut bodies = Vec::new();
        play(&METRICS, async |scene: &Scene| {
            let address = serve(routes()).await;
            for (method, path) in
                [("GET", "/fine/1"), ("GET", "/broken"), ("GET", "/nowhere"), ("FOOBAR", "/fine/1")]
            {
                ask(method, address, path).send().await.unwrap();
            }
            asked_by(UNSAMPLED, "GET", address, "/fine/2").send().await.unwrap();
            assert!(ask("GET", address, "/panicking").send().await.is_err());
            hang_up(address, "/hanging", false).await;
            hang_up(address, "/endless", true).await;
            scene.arrives("GET /hanging").await;
            scene.arrives("GET /endless").await;
            scene.journey.flush(Duration::from_secs(5));
            bodies = scene.collector.metric_bodies();
        });
        let durations = series(&bodies, "http.server.request.duration");
        let expected = [
            ("GET /fine/{id} 200", 2.0),
            ("GET /broken 500 500", 1.0),
            ("GET 404", 1.0),
            ("_OTHER /fine/{id} 405", 1.0),
            ("GET /panicking panic", 1.0),
            ("GET /hanging", 1.0),
            ("GET /endless 200", 1.0),
        ];
        let expected: BTreeMap<String, f64> =
            expected.into_iter().map(|(words, count)| (words.to_owned(), count)).collect();
        assert_eq!(outcomes(&durations), expected);
        let active = series(&bodies, "http.server.active_requests");
        assert!(!active.is_empty() && active.iter().all(|(_, value, _)| *value == 0.0), "{active:?}");
    });
}

/// Scenario: a service asks a neighbour, which fails, and one that is not there.
/// Guarantees: one sample per attempt, as long as its span; nobody is active at the end.
#[test]
fn every_attempt_is_one_sample() {
    alone(|| {
        let mut bodies = Vec::new();
        let spans = play(&METRICS, async |scene: &Scene| {
            let address = serve(routes()).await;
            let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let client = journey::reqwest::build(reqwest::Client::builder()).unwrap();
            client.get(format!("http://{address}/broken")).send().await.unwrap().bytes().await.unwrap();
            assert!(client.get(format!("http://{closed}/")).send().await.is_err());
            scene.journey.flush(Duration::from_secs(5));
            bodies = scene.collector.metric_bodies();
        });
        let durations = series(&bodies, "http.client.request.duration");
        let expected = BTreeMap::from([("GET 500 500".to_owned(), 1.0), ("GET connect".to_owned(), 1.0)]);
        assert_eq!(outcomes(&durations), expected);
        for (labels, _, seconds) in &durations {
            let span = spans.all("GET").into_iter().find(|one| one.get("error.type") == labels["error.type"]);
            let lasted = super::spans::duration(span.unwrap()).as_secs_f64();
            assert!((lasted - seconds).abs() < 1e-6, "{lasted} {seconds}");
        }
        let active = series(&bodies, "http.client.active_requests");
        assert!(!active.is_empty() && active.iter().all(|(_, value, _)| *value == 0.0), "{active:?}");
    });
}
