//! Metrics as they should be, and with one fault each.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message as _;

use super::row::read_all;
use crate::conformance::{Level, check_metrics};

fn check(name: &str, unit: &str, data: Data) -> String {
    let metric = Metric { name: name.into(), unit: unit.into(), data: Some(data), ..Metric::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
    let group = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
    let request = ExportMetricsServiceRequest { resource_metrics: vec![group] };
    let findings = check_metrics(&request.encode_to_vec()).expect("a request");
    let of_metric = findings.iter().filter(|one| one.level == Level::Violation && one.span != "resource");
    of_metric.map(|one| one.rule).collect::<Vec<_>>().join(", ")
}

fn histogram(labels: &str, bounds: &[f64]) -> Data {
    let point = HistogramDataPoint {
        attributes: read_all(&[], labels),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 })
}

fn sum(labels: &str) -> Data {
    let point = NumberDataPoint { attributes: read_all(&[], labels), ..NumberDataPoint::default() };
    Data::Sum(Sum { data_points: vec![point], aggregation_temporality: 2, is_monotonic: false })
}

/// Scenario: server, stage and unknown metrics, with the right and with wrong instruments, units, buckets and labels.
/// Guarantees: each fault is found, and nothing else.
#[test]
fn metrics_are_judged() {
    let buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    let server = "http.request.method=GET; url.scheme=http; http.route=/x/{id}";
    let duration = "http.server.request.duration";
    assert_eq!(check(duration, "s", histogram(server, &buckets)), "");
    assert_eq!(check(duration, "ms", histogram(server, &buckets)), "unit_mismatch");
    assert_eq!(check(duration, "s", histogram(server, &[0.0, 5.0, 10.0])), "metric_buckets");
    assert_eq!(check(duration, "s", sum(server)), "unexpected_instrument");
    let missing = histogram("http.request.method=GET", &buckets);
    assert_eq!(check(duration, "s", missing), "required_attribute_not_present");
    for label in ["order.id=ORD-1", "server.address=evil", "url.path=/x/1"] {
        let labelled = histogram(&format!("{server}; {label}"), &buckets);
        assert_eq!(check(duration, "s", labelled), "metric_attribute_unexpected", "{label}");
    }
    assert_eq!(check("http.server.requests", "s", histogram(server, &buckets)), "missing_metric");
    assert_eq!(check("journey.stage.active", "{stage}", sum("journey.stage.name=price_accept")), "");
    assert_eq!(check("journey.stage.active", "{stage}", sum("")), "required_attribute_not_present");
}
