//! OpenTelemetry's own SDK, as those set it up who do not use Journey: batches, and metrics on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::case::Case;

/// What is switched on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telemetry {
    pub(crate) metrics: bool,
    /// Share of the traces without a parent; `None`: all.
    pub(crate) ratio: Option<f64>,
    /// Baggage is read.
    pub(crate) baggage: bool,
    /// Spans that one operation must export; `None`: a share of it.
    pub(crate) spans: Option<u64>,
}

/// The SDK that runs, with exporters that take everything at once.
pub(crate) struct Sdk {
    traces: SdkTracerProvider,
    exported: Arc<AtomicU64>,
    spans: Option<u64>,
}

impl Sdk {
    /// Sets the globals, so that it comes before any layer.
    pub(crate) fn start(telemetry: Telemetry) -> Self {
        let exported = Arc::new(AtomicU64::new(0));
        let root = telemetry.ratio.map_or(Sampler::AlwaysOn, Sampler::TraceIdRatioBased);
        let traces = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_batch_exporter(Taken(exported.clone()))
            .build();
        global::set_tracer_provider(traces.clone());
        if telemetry.baggage {
            global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
                Box::new(TraceContextPropagator::new()),
                Box::new(BaggagePropagator::new()),
            ]));
        } else {
            global::set_text_map_propagator(TraceContextPropagator::new());
        }
        if telemetry.metrics {
            global::set_meter_provider(SdkMeterProvider::builder().with_periodic_exporter(Ignored).build());
        }
        Self { traces, exported, spans: telemetry.spans }
    }

    /// Adds the bridge from tracing.
    pub(crate) fn bridged(self) -> Self {
        let bridge = tracing_opentelemetry::layer().with_tracer(self.traces.tracer("bench"));
        tracing_subscriber::registry().with(bridge).init();
        self
    }

    pub(crate) fn case(self, operation: impl FnMut() + 'static) -> Case {
        let Self { traces, exported, spans } = self;
        let settle = move || {
            traces.force_flush().expect("the exporter takes everything");
            exported.load(Relaxed)
        };
        Case { settle: Box::new(settle), spans, ..Case::bare(operation) }
    }
}

#[derive(Debug)]
struct Taken(Arc<AtomicU64>);

impl SpanExporter for Taken {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Relaxed);
        Ok(())
    }
}

struct Ignored;

impl PushMetricExporter for Ignored {
    async fn export(&self, _metrics: &ResourceMetrics) -> OTelSdkResult {
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
