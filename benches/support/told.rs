//! What a layer told: its spans and metrics, kept in memory.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry::{KeyValue, Value, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The SDK that runs, and keeps everything.
pub(crate) struct Told {
    spans: Spans,
    points: Points,
    metrics: SdkMeterProvider,
}

/// A span, and when it was exported.
#[derive(Debug, Clone)]
pub(crate) struct ToldSpan {
    pub(crate) data: SpanData,
    pub(crate) exported: Instant,
}

/// One series of a metric.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) metric: String,
    pub(crate) labels: Vec<KeyValue>,
    /// Sum of a counter, or of the samples of a histogram.
    pub(crate) sum: f64,
    /// Samples of a histogram.
    pub(crate) count: u64,
}

impl Told {
    /// Sets the globals. Spans are exported in the moment they end.
    pub(crate) fn start() -> Self {
        let (spans, points) = (Spans::default(), Points::default());
        let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let metrics = SdkMeterProvider::builder().with_periodic_exporter(points.clone()).build();
        global::set_tracer_provider(traces.clone());
        global::set_meter_provider(metrics.clone());
        global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]));
        let bridge = tracing_opentelemetry::layer().with_tracer(traces.tracer("bench"));
        tracing_subscriber::registry().with(bridge).init();
        Self { spans, points, metrics }
    }

    /// Spans since the last call.
    pub(crate) fn spans(&self) -> Vec<ToldSpan> {
        std::mem::take(&mut *self.spans.0.lock().expect("no exporter panics"))
    }

    /// The series of a metric as they are now.
    pub(crate) fn points(&self, metric: &str) -> Vec<Point> {
        self.metrics.force_flush().expect("the exporter takes everything");
        let points = self.points.0.lock().expect("no exporter panics");
        points.iter().filter(|point| point.metric == metric).cloned().collect()
    }
}

impl ToldSpan {
    pub(crate) fn is_server(&self) -> bool {
        self.data.span_kind == SpanKind::Server
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<&Value> {
        value(&self.data.attributes, key)
    }

    /// Texts of all attributes and of the status.
    pub(crate) fn says(&self, text: &str) -> bool {
        let attributes = self.data.attributes.iter();
        attributes.map(|kv| kv.value.to_string()).any(|value| value.contains(text))
            || format!("{:?}", self.data.status).contains(text)
    }

    pub(crate) fn duration(&self) -> Duration {
        since(self.data.start_time, self.data.end_time)
    }
}

impl Point {
    pub(crate) fn is(&self, label: &str, text: &str) -> bool {
        value(&self.labels, label).is_some_and(|value| value.as_str() == text)
    }
}

/// The first value of a key.
pub(crate) fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|kv| kv.key.as_str() == key).map(|kv| &kv.value)
}

fn since(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}

#[derive(Debug, Default, Clone)]
struct Spans(Arc<Mutex<Vec<ToldSpan>>>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = Instant::now();
        let batch = batch.into_iter().map(|data| ToldSpan { data, exported });
        self.0.lock().expect("no exporter panics").extend(batch);
        Ok(())
    }
}

#[derive(Default, Clone)]
struct Points(Arc<Mutex<Vec<Point>>>);

impl PushMetricExporter for Points {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        *self.0.lock().expect("no exporter panics") = metrics
            .flat_map(|metric| {
                let told = match metric.data() {
                    AggregatedMetrics::F64(data) => series(data, |value| value),
                    AggregatedMetrics::I64(data) => series(data, |value| value as f64),
                    AggregatedMetrics::U64(data) => series(data, |value| value as f64),
                };
                told.into_iter().map(|(labels, sum, count)| Point {
                    metric: metric.name().to_owned(),
                    labels,
                    sum,
                    count,
                })
            })
            .collect();
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// Labels, sum and count of each series.
fn series<T: Copy>(data: &MetricData<T>, number: fn(T) -> f64) -> Vec<(Vec<KeyValue>, f64, u64)> {
    let labels = |labels: &mut dyn Iterator<Item = &KeyValue>| labels.cloned().collect::<Vec<_>>();
    match data {
        MetricData::Sum(sum) => sum
            .data_points()
            .map(|point| (labels(&mut point.attributes()), number(point.value()), 0))
            .collect(),
        MetricData::Histogram(histogram) => histogram
            .data_points()
            .map(|point| (labels(&mut point.attributes()), number(point.sum()), point.count()))
            .collect(),
        MetricData::Gauge(_) | MetricData::ExponentialHistogram(_) => Vec::new(),
    }
}
