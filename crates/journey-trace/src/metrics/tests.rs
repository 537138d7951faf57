//! What is measured, read back from the SDK.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use super::*;

/// The instruments are one set per process, so these tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` measured, and gives each series of that text as `name{attributes} value`, sorted. What other tests of the
/// process do meanwhile is measured too.
fn measured(of: &str, work: impl FnOnce()) -> Vec<String> {
    let _turn = turn();
    let exporter = InMemoryMetricExporter::default();
    let provider =
        SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    install(&provider.meter(crate::span::SCOPE_NAME));
    work();
    uninstall();
    provider.force_flush().expect("the reader is alive");
    let exported = exporter.get_finished_metrics().expect("the exporter is alive");
    let metrics = exported.iter().flat_map(|all| all.scope_metrics()).flat_map(|scope| scope.metrics());
    let mut lines: Vec<String> = metrics.flat_map(|metric| lines(metric.name(), metric.data())).collect();
    lines.retain(|line| line.contains(of));
    lines.sort();
    lines
}

fn lines(name: &str, data: &AggregatedMetrics) -> Vec<String> {
    let line = |attributes: Vec<&KeyValue>, value: String| {
        let mut texts: Vec<String> = attributes.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
        texts.sort();
        format!("{name}{{{}}} {value}", texts.join(","))
    };
    match data {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| line(point.attributes().collect(), format!("{} in {}", point.sum(), point.count())))
            .collect(),
        AggregatedMetrics::I64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|point| line(point.attributes().collect(), point.value().to_string()))
            .collect(),
        other => panic!("no such metric: {other:?}"),
    }
}

const REQUEST: ServerSeries<'_> = ServerSeries {
    method: "GET",
    scheme: "http",
    version: Some("1.1"),
    route: Some("/orders/{id}"),
    status: Some(200),
    error_type: None,
    streamed: false,
};

/// Scenario: two requests of one series, one that failed, one still going on, and one after the end.
/// Guarantees: each series has its samples, the gauge counts what goes on, and nothing is measured uninstalled.
#[test]
fn server_requests() {
    let lines = measured("http.server.", || {
        let done = server_request("GET", "http");
        server_duration(&REQUEST, Duration::from_millis(500));
        server_duration(&REQUEST, Duration::from_millis(250));
        let failed = ServerSeries { status: Some(500), error_type: Some("500"), ..REQUEST };
        server_duration(&failed, Duration::from_secs(1));
        drop(done);
        std::mem::forget(server_request("GET", "http"));
    });
    server_duration(&REQUEST, Duration::from_secs(9));
    assert!(server_request("GET", "http").is_none());
    let shared = "http.request.method=GET,http.response.status_code";
    assert_eq!(
        lines,
        [
            "http.server.active_requests{http.request.method=GET,url.scheme=http} 1".to_owned(),
            format!(
                "http.server.request.duration{{error.type=500,{shared}=500,http.route=/orders/{{id}},network.protocol.version=1.1,url.scheme=http}} 1 in 1"
            ),
            format!(
                "http.server.request.duration{{{shared}=200,http.route=/orders/{{id}},network.protocol.version=1.1,url.scheme=http}} 0.75 in 2"
            ),
        ]
    );
}

/// Scenario: more routes than there are slots for series, each met twice.
/// Guarantees: no sample is lost.
#[test]
fn series_beyond_the_table_are_recorded_too() {
    let routes: Vec<String> = (0..crate::limits::METRIC_SERIES_MAX + 100).map(|n| format!("/{n}")).collect();
    let lines = measured("http.server.", || {
        for route in routes.iter().chain(&routes) {
            server_duration(&ServerSeries { route: Some(route), ..REQUEST }, Duration::from_secs(1));
        }
    });
    assert_eq!(lines.len(), routes.len());
    assert!(lines.iter().all(|line| line.ends_with("} 2 in 2")));
}

/// Scenario: an attempt to a host, and one without a response.
/// Guarantees: host and port are on both metrics, the class of the error on the duration.
#[test]
fn client_requests() {
    let lines = measured("http.client.", || {
        let _active = client_request("GET", "crm-api", 8080);
        let series = ClientSeries {
            method: "GET",
            server_address: "crm-api",
            server_port: 8080,
            version: None,
            template: Some("/orders/{id}"),
            status: None,
            error_type: Some("connect"),
        };
        client_duration(&series, Duration::from_secs(2));
    });
    let host = "server.address=crm-api,server.port=8080";
    assert_eq!(
        lines,
        [
            format!("http.client.active_requests{{http.request.method=GET,{host}}} 0"),
            format!(
                "http.client.request.duration{{error.type=connect,http.request.method=GET,{host},url.template=/orders/{{id}}}} 2 in 1"
            ),
        ]
    );
}

/// Scenario: one stage is done, one fails, one goes on.
/// Guarantees: durations by outcome, the running one is counted.
#[test]
fn stages() {
    use crate::lane::{Lane, LaneConfig};
    use crate::{ContextExt, stage};

    let lines = measured("=measured.stage", || {
        let lane = Lane::new(LaneConfig { beat_interval: None, root_sampler: std::sync::Arc::new(|_| true) });
        let context = opentelemetry::Context::new().with_lane(lane);
        stage("measured.stage").parent(&context).start().end();
        stage("measured.stage").parent(&context).start().fail("no_price");
        std::mem::forget(stage("measured.stage").parent(&context).start());
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "journey.stage.active{journey.stage.name=measured.stage} 1");
    assert!(
        lines[1]
            .starts_with("journey.stage.duration{error.type=no_price,journey.stage.name=measured.stage} ")
    );
    assert!(lines[2].starts_with("journey.stage.duration{journey.stage.name=measured.stage} "));
}
