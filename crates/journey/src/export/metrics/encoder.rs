//! The SDK's exporter: encodes, and hands on.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use prost::Message;

use crate::export::bodies::Body;

use super::MetricQueue;

/// Puts each collection into the queue, as one request body.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) queue: Arc<MetricQueue>,
    pub(super) temporality: Temporality,
}

impl PushMetricExporter for Encoder {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let records = points(metrics);
        if records > 0 {
            let bytes = ExportMetricsServiceRequest::from(metrics).encode_to_vec();
            self.queue.push(Body { bytes, records });
        }
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

/// Number of data points.
fn points(metrics: &ResourceMetrics) -> u64 {
    let of_all =
        metrics.scope_metrics().flat_map(|scope| scope.metrics()).map(|metric| match metric.data() {
            AggregatedMetrics::F64(data) => points_of(data),
            AggregatedMetrics::I64(data) => points_of(data),
            AggregatedMetrics::U64(data) => points_of(data),
        });
    of_all.sum::<usize>() as u64
}

fn points_of<T>(data: &MetricData<T>) -> usize {
    match data {
        MetricData::Gauge(gauge) => gauge.data_points().count(),
        MetricData::Sum(sum) => sum.data_points().count(),
        MetricData::Histogram(histogram) => histogram.data_points().count(),
        MetricData::ExponentialHistogram(histogram) => histogram.data_points().count(),
    }
}
