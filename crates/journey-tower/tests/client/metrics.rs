//! What is measured.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing;
use journey_tower::JourneyClientLayer;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tower::{Layer as _, ServiceExt as _};

use super::support::{Work, get, serve, text, transport};

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

/// Samples of one server up to now: the attributes that tell them apart, their number and their sum.
fn durations(port: u16) -> Vec<(String, u64, f64)> {
    let (provider, exporter) = measure();
    provider.force_flush().expect("the reader is alive");
    let exported = exporter.get_finished_metrics().expect("the exporter is alive");
    let last = exported.last().expect("something was exported");
    let metrics = last.scope_metrics().flat_map(|scope| scope.metrics());
    let mut found = Vec::new();
    for metric in metrics.filter(|metric| metric.name() == "http.client.request.duration") {
        let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
            panic!("the duration is a histogram");
        };
        for point in histogram.data_points() {
            let mut texts: Vec<_> = point.attributes().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
            if texts.contains(&format!("server.port={port}")) {
                texts.retain(|text| !text.starts_with("server."));
                texts.sort();
                found.push((texts.join(","), point.count(), point.sum()));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Scenario: a request of a sampled trace, one of a trace that is not, and one whose caller gives up.
/// Guarantees: each has its sample, and that of the span has its length.
#[tokio::test]
async fn each_attempt_is_measured() {
    measure();
    let app = Router::new()
        .route("/", routing::get(|| async { "polished" }))
        .route("/silent", routing::get(std::future::pending::<()>));
    let address = serve(app).await;
    let client = JourneyClientLayer::new().layer(transport());
    let send = |path: &str| client.clone().oneshot(get(format!("http://{address}{path}")));

    let sampled = Work::sampled();
    text(sampled.run(send("/")).await.expect("the server answers").into_body()).await;
    let span = sampled.span();
    let length = span.end_time.duration_since(span.start_time).expect("it ends after its start");
    let done = "http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1";
    assert_eq!(durations(address.port()), [(done.to_owned(), 1, length.as_secs_f64())]);

    let unsampled = Work::unsampled();
    text(unsampled.run(send("/")).await.expect("the server answers").into_body()).await;
    let silent = Work::sampled();
    let waiting = silent.run(send("/silent"));
    assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    let counts: Vec<_> =
        durations(address.port()).into_iter().map(|(text, count, _)| (text, count)).collect();
    assert_eq!(counts, [("http.request.method=GET".to_owned(), 1), (done.to_owned(), 2)]);
}
