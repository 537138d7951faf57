//! Metrics: name, instrument, unit, buckets and labels.

use anyhow::Context as _;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;

use super::finding::{Finding, Findings};
use super::registry::Registry;
use super::{attributes, resource};

/// Judges one OTLP request: the bytes of an `ExportMetricsServiceRequest`.
///
/// # Errors
/// The bytes are no such request.
pub fn check_metrics(body: &[u8]) -> anyhow::Result<Vec<Finding>> {
    let request = ExportMetricsServiceRequest::decode(body).context("no OTLP metrics request")?;
    let mut findings = Findings::default();
    for group in &request.resource_metrics {
        findings.of("resource");
        resource::check(group.resource.as_ref(), &mut findings);
        let metrics = group.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        metrics.for_each(|metric| check_metric(metric, &mut findings));
    }
    Ok(findings.into_vec())
}

/// A metric that the conventions or our registry have.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    /// `counter`, `histogram` or `updowncounter`.
    pub(super) instrument: String,
    pub(super) unit: String,
    /// Labels that are always there.
    pub(super) required: Vec<String>,
    /// Labels that may be there; own attributes besides the business ids always may.
    pub(super) allowed: Vec<String>,
    /// Upper bounds of a histogram, empty if any are good.
    pub(super) buckets: &'static [f64],
}

fn check_metric(metric: &Metric, findings: &mut Findings) {
    findings.of(&metric.name);
    // The SDK's own.
    if metric.name.starts_with("otel.sdk.") {
        return;
    }
    let own = Registry::own().metrics.iter().find(|known| known.name == metric.name);
    let official = official();
    let Some(known) = own.or_else(|| official.iter().find(|known| known.name == metric.name)) else {
        return findings.violation("missing_metric", &metric.name);
    };
    if metric.unit != known.unit {
        findings.violation("unit_mismatch", format_args!("`{}` instead of `{}`", metric.unit, known.unit));
    }
    let instrument = instrument(metric);
    if instrument != known.instrument {
        findings
            .violation("unexpected_instrument", format_args!("{instrument} instead of {}", known.instrument));
    }
    buckets(metric, known, findings);
    points(metric).into_iter().for_each(|labels| check_labels(labels, known, findings));
}

fn check_labels(labels: &[KeyValue], known: &Known, findings: &mut Findings) {
    attributes::check(labels, findings);
    let has = |key: &str| labels.iter().any(|label| label.key == key);
    for key in known.required.iter().filter(|key| !has(key)) {
        findings.violation("required_attribute_not_present", key);
    }
    for label in labels {
        let key = &label.key;
        let is_own = key.starts_with("journey.") && Registry::own().type_of(key).is_some();
        if !(is_own || known.required.contains(key) || known.allowed.contains(key)) {
            findings.violation("metric_attribute_unexpected", key);
        }
    }
}

fn buckets(metric: &Metric, known: &Known, findings: &mut Findings) {
    let Some(Data::Histogram(histogram)) = &metric.data else { return };
    let differ = |bounds: &[f64]| !known.buckets.is_empty() && bounds != known.buckets;
    if histogram.data_points.iter().any(|point| differ(&point.explicit_bounds)) {
        findings.violation("metric_buckets", "not those of the conventions");
    }
}

fn instrument(metric: &Metric) -> &'static str {
    match &metric.data {
        Some(Data::Histogram(_) | Data::ExponentialHistogram(_)) => "histogram",
        Some(Data::Sum(sum)) if sum.is_monotonic => "counter",
        Some(Data::Sum(_)) => "updowncounter",
        Some(Data::Gauge(_)) => "gauge",
        _ => "none",
    }
}

/// The labels of each series.
fn points(metric: &Metric) -> Vec<&[KeyValue]> {
    match &metric.data {
        Some(Data::Histogram(data)) => data.data_points.iter().map(|point| &point.attributes[..]).collect(),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.iter().map(|point| &point.attributes[..]).collect()
        }
        Some(Data::Sum(data)) => data.data_points.iter().map(|point| &point.attributes[..]).collect(),
        Some(Data::Gauge(data)) => data.data_points.iter().map(|point| &point.attributes[..]).collect(),
        _ => vec![],
    }
}

fn official() -> Vec<Known> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    OFFICIAL
        .iter()
        .map(|(name, instrument, unit, required, allowed, buckets)| Known {
            name: (*name).to_owned(),
            instrument: (*instrument).to_owned(),
            unit: (*unit).to_owned(),
            required: words(required),
            allowed: words(allowed),
            buckets,
        })
        .collect()
}

/// Name, instrument, unit, required labels, further labels, buckets.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [f64]);

/// Opt-in labels are left out: the host of a server's request, and the text of a query.
const OFFICIAL: &[Row] = &[
    (
        "http.server.request.duration",
        "histogram",
        "s",
        "http.request.method url.scheme",
        "error.type http.response.status_code http.route network.protocol.name network.protocol.version",
        HTTP_BUCKETS,
    ),
    ("http.server.active_requests", "updowncounter", "{request}", "http.request.method url.scheme", "", &[]),
    (
        "http.client.request.duration",
        "histogram",
        "s",
        "http.request.method server.address server.port",
        "error.type http.response.status_code network.protocol.name network.protocol.version url.template",
        HTTP_BUCKETS,
    ),
    (
        "http.client.active_requests",
        "updowncounter",
        "{request}",
        "server.address server.port",
        "http.request.method url.template",
        &[],
    ),
    ("db.client.operation.duration", "histogram", "s", "db.system.name", DB_LABELS, DB_BUCKETS),
    ("db.client.response.returned_rows", "histogram", "{row}", "db.system.name", DB_LABELS, &[]),
    (
        "db.client.connection.count",
        "updowncounter",
        "{connection}",
        "db.client.connection.pool.name db.client.connection.state",
        "",
        &[],
    ),
    ("db.client.connection.idle.max", "updowncounter", "{connection}", POOL, "", &[]),
    ("db.client.connection.idle.min", "updowncounter", "{connection}", POOL, "", &[]),
    ("db.client.connection.max", "updowncounter", "{connection}", POOL, "", &[]),
    ("db.client.connection.pending_requests", "updowncounter", "{request}", POOL, "", &[]),
    ("db.client.connection.timeouts", "counter", "{timeout}", POOL, "", &[]),
    ("db.client.connection.create_time", "histogram", "s", POOL, "", &[]),
    ("db.client.connection.wait_time", "histogram", "s", POOL, "", &[]),
    ("db.client.connection.use_time", "histogram", "s", POOL, "", &[]),
    (
        "messaging.client.operation.duration",
        "histogram",
        "s",
        MESSAGING,
        "error.type messaging.destination.name messaging.destination.template messaging.operation.type \
         server.address server.port",
        HTTP_BUCKETS,
    ),
    ("messaging.process.duration", "histogram", "s", MESSAGING, MESSAGING_LABELS, HTTP_BUCKETS),
    ("messaging.client.sent.messages", "counter", "{message}", MESSAGING, MESSAGING_LABELS, &[]),
    ("messaging.client.consumed.messages", "counter", "{message}", MESSAGING, MESSAGING_LABELS, &[]),
];

const POOL: &str = "db.client.connection.pool.name";
const MESSAGING: &str = "messaging.operation.name messaging.system";
const MESSAGING_LABELS: &str =
    "error.type messaging.destination.name messaging.destination.template server.address server.port";
const DB_LABELS: &str = "db.collection.name db.namespace db.operation.name db.query.summary \
                         db.response.status_code db.stored_procedure.name error.type server.address server.port";
const HTTP_BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const DB_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
