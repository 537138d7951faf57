//! What is measured.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use super::support::{Work, client, serve, vacant};
use crate::UrlTemplate;

/// Measures from now on, for all tests of this process. Each finds its own series by the port of its server.
fn measure() -> &'static (SdkMeterProvider, InMemoryMetricExporter) {
    static MEASURED: OnceLock<(SdkMeterProvider, InMemoryMetricExporter)> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let exporter = InMemoryMetricExporter::default();
        let reader =
            PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_secs(3600)).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        journey_trace::metrics::install(&provider.meter(journey_trace::span::SCOPE_NAME));
        (provider, exporter)
    })
}

/// The series of one server up to now: `name{attributes}`, with the number of samples or the gauge, and their sum.
fn series(port: u16) -> Vec<(String, u64, f64)> {
    let (provider, exporter) = measure();
    provider.force_flush().expect("the reader is alive");
    let exported = exporter.get_finished_metrics().expect("the exporter is alive");
    let last = exported.last().expect("something was exported");
    let mut found = Vec::new();
    for metric in last.scope_metrics().flat_map(|scope| scope.metrics()) {
        let mut add = |attributes: Vec<String>, count, sum| {
            let mut attributes = attributes;
            attributes.sort();
            let text = format!("{}{{{}}}", metric.name(), attributes.join(","));
            if text.contains(&format!("server.port={port}")) {
                found.push((text.replace(&port.to_string(), "PORT"), count, sum));
            }
        };
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                histogram.data_points().for_each(|point| {
                    let attributes =
                        point.attributes().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
                    add(attributes, point.count(), point.sum());
                });
            }
            AggregatedMetrics::I64(MetricData::Sum(sum)) => sum.data_points().for_each(|point| {
                let attributes = point.attributes().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
                add(attributes, u64::try_from(point.value()).expect("no gauge falls below zero"), 0.0);
            }),
            other => panic!("no such metric: {other:?}"),
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn names(port: u16) -> Vec<(String, u64)> {
    series(port).into_iter().map(|(text, count, _)| (text, count)).collect()
}

const ACTIVE: &str =
    "http.client.active_requests{http.request.method=GET,server.address=127.0.0.1,server.port=PORT}";

fn duration(rest: &str) -> String {
    format!(
        "http.client.request.duration{{{}}}",
        rest.replace("SERVER", "server.address=127.0.0.1,server.port=PORT")
    )
}

/// Scenario: a success and a failure of a sampled trace, and a success of one that is not.
/// Guarantees: each has its sample with status and `error.type` as on the span, and nothing is active any more.
#[tokio::test]
async fn each_attempt_is_measured() {
    measure();
    let app = Router::new()
        .route("/", get(|| async { "polished" }))
        .route("/fail", get(|| async { (StatusCode::BAD_GATEWAY, "sorry") }));
    let address = serve(app).await;
    for (work, path) in [(Work::sampled(), ""), (Work::unsampled(), ""), (Work::sampled(), "fail")] {
        let request = client().get(format!("http://{address}/{path}")).with_extension(UrlTemplate("/{any}"));
        work.run(request.send()).await.expect("the server answers").bytes().await.expect("the body is whole");
    }
    let failed = "error.type=502,http.request.method=GET,http.response.status_code=502,\
                  network.protocol.version=1.1,SERVER,url.template=/{any}";
    let done = "http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,SERVER,\
                url.template=/{any}";
    assert_eq!(names(address.port()), [(ACTIVE.to_owned(), 0), (duration(failed), 1), (duration(done), 2)]);
}

/// Scenario: a slow body.
/// Guarantees: the request is active until its end, and span and sample have the same length.
#[tokio::test]
async fn span_and_sample_agree() {
    measure();
    let address = serve(Router::new().route("/", get(|| async { "polished" }))).await;
    let work = Work::sampled();
    let answer = work.run(client().get(format!("http://{address}/")).send()).await.expect("a head comes");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(names(address.port()), [(ACTIVE.to_owned(), 1)]);
    answer.bytes().await.expect("the body is whole");
    let span = work.span();
    let length = span.end_time.duration_since(span.start_time).expect("it ends after its start");
    assert!(length >= Duration::from_millis(20), "the body is included");
    let sums: Vec<f64> =
        series(address.port()).iter().filter(|(_, count, _)| *count == 1).map(|(.., sum)| *sum).collect();
    assert_eq!(sums, [length.as_secs_f64()]);
}

/// Scenario: the caller gives up, and nobody listens.
/// Guarantees: the first has a sample without status and error, the second one with its error.
#[tokio::test]
async fn requests_without_response_are_measured() {
    measure();
    let address = serve(Router::new().route("/", get(std::future::pending::<()>))).await;
    let work = Work::sampled();
    let waiting = work.run(client().get(format!("http://{address}/")).send());
    assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    let dropped = duration("http.request.method=GET,SERVER");
    assert_eq!(names(address.port()), [(ACTIVE.to_owned(), 0), (dropped, 1)]);

    let address = vacant().await;
    assert!(work.run(client().get(format!("http://{address}/")).send()).await.is_err());
    let refused = duration("error.type=connect,http.request.method=GET,SERVER");
    assert_eq!(names(address.port()), [(ACTIVE.to_owned(), 0), (refused, 1)]);
}
