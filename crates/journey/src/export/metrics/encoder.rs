//! The SDK's exporter: encodes, and hands on.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use prost::Message;

use crate::export::bodies::Body;
use crate::limits::BODY_BYTES_MAX;

use super::MetricQueue;

/// Puts each collection into the queue, as one request body, or several if it is large: a collector takes 4 MiB of gRPC
/// by default, and would refuse a larger body at every interval.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) queue: Arc<MetricQueue>,
    pub(super) temporality: Temporality,
}

impl PushMetricExporter for Encoder {
    async fn export(&self, metrics: &data::ResourceMetrics) -> OTelSdkResult {
        self.queue.push(bodies(ExportMetricsServiceRequest::from(metrics)));
        Ok(())
    }

    /// What waits is the export thread's business.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

/// Closes a body with the metric that reaches [`BODY_BYTES_MAX`]. A metric is never divided: the SDK bounds its series.
fn bodies(request: ExportMetricsServiceRequest) -> Vec<Body> {
    let mut bodies = Vec::new();
    for group in request.resource_metrics {
        let ResourceMetrics { resource, scope_metrics, schema_url } = group;
        let mut open = Open { resource, schema_url, ..Open::default() };
        for scope_metrics in scope_metrics {
            let ScopeMetrics { scope, metrics, schema_url } = scope_metrics;
            for metric in metrics {
                open.push(&scope, &schema_url, metric);
                if open.bytes >= BODY_BYTES_MAX {
                    bodies.extend(open.close());
                }
            }
        }
        bodies.extend(open.close());
    }
    bodies
}

/// A body that is being filled.
#[derive(Default)]
struct Open {
    resource: Option<Resource>,
    schema_url: String,
    scopes: Vec<ScopeMetrics>,
    /// Of the metrics in it.
    bytes: usize,
    points: usize,
}

impl Open {
    fn push(&mut self, scope: &Option<InstrumentationScope>, schema_url: &str, metric: Metric) {
        self.bytes += metric.encoded_len();
        self.points += points(&metric);
        match self.scopes.last_mut().filter(|last| last.scope == *scope && last.schema_url == *schema_url) {
            Some(last) => last.metrics.push(metric),
            None => self.scopes.push(ScopeMetrics {
                scope: scope.clone(),
                metrics: vec![metric],
                schema_url: schema_url.to_owned(),
            }),
        }
    }

    /// What is in it, if anything is; it goes on empty.
    fn close(&mut self) -> Option<Body> {
        let (points, _) = (std::mem::take(&mut self.points), std::mem::take(&mut self.bytes));
        let group = ResourceMetrics {
            resource: self.resource.clone(),
            scope_metrics: std::mem::take(&mut self.scopes),
            schema_url: self.schema_url.clone(),
        };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![group] };
        (points > 0).then(|| Body { bytes: request.encode_to_vec(), records: points as u64 })
    }
}

/// Number of data points.
fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, Sum};

    use super::*;

    fn metric(name: &str, points: usize) -> Metric {
        let point =
            NumberDataPoint { start_time_unix_nano: 1, time_unix_nano: 2, ..NumberDataPoint::default() };
        let data = Data::Sum(Sum { data_points: vec![point; points], ..Sum::default() });
        Metric { name: name.to_owned(), data: Some(data), ..Metric::default() }
    }

    fn scope(name: &str, metrics: Vec<Metric>) -> ScopeMetrics {
        let scope = InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() };
        ScopeMetrics { scope: Some(scope), metrics, schema_url: name.to_uppercase() }
    }

    fn request(scope_metrics: Vec<ScopeMetrics>) -> ExportMetricsServiceRequest {
        let resource = Some(Resource::default());
        let group = ResourceMetrics { resource, scope_metrics, schema_url: "s".to_owned() };
        ExportMetricsServiceRequest { resource_metrics: vec![group] }
    }

    /// Scenario: two scopes with metrics of 2.4 MB together. Once that was one body, which a collector with the usual
    /// limit would have refused at every interval.
    /// Guarantees: no body is larger than the limit and one metric; all of it is there, each metric under its scope.
    #[test]
    fn a_large_collection_is_divided() {
        let scopes = ["a", "b"].map(|name| {
            scope(name, (0..6).map(|number| metric(&format!("{name}{number}"), 10_000)).collect())
        });
        let bodies = bodies(request(scopes.to_vec()));
        let size_of_one = metric("a0", 10_000).encoded_len();
        assert!(
            bodies.len() > 2 && bodies.iter().all(|body| body.bytes.len() < BODY_BYTES_MAX + size_of_one)
        );
        assert_eq!(bodies.iter().map(|body| body.records).sum::<u64>(), 120_000);
        let mut names = Vec::new();
        for body in &bodies {
            let read = ExportMetricsServiceRequest::decode(&*body.bytes).unwrap();
            for group in read.resource_metrics {
                assert!(group.resource.is_some() && group.schema_url == "s");
                for scope in group.scope_metrics {
                    let of = scope.scope.unwrap().name;
                    assert_eq!(scope.schema_url, of.to_uppercase());
                    names.extend(scope.metrics.into_iter().map(|metric| metric.name));
                    assert!(names.last().unwrap().starts_with(&of));
                }
            }
        }
        assert_eq!(
            names,
            ["a", "b"].map(|name| (0..6).map(|n| format!("{name}{n}")).collect::<Vec<_>>()).concat()
        );
    }

    /// Scenario: nothing was measured; then one small metric of each scope.
    /// Guarantees: nothing is sent; then one body with the bytes of the whole.
    #[test]
    fn a_small_collection_is_one_body() {
        assert!(bodies(request(vec![scope("a", vec![])])).is_empty());
        let whole = request(vec![scope("a", vec![metric("a0", 1)]), scope("b", vec![metric("b0", 2)])]);
        let [body] = &bodies(whole.clone())[..] else { panic!("not one body") };
        assert_eq!((body.records, &body.bytes), (3, &whole.encode_to_vec()));
    }
}
