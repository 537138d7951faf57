//! The newest OpenTelemetry that reqwest-tracing knows, with its bridge from tracing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use opentelemetry_0_32::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_0_32::{Context, global};
use opentelemetry_sdk_0_32::error::OTelSdkResult;
use opentelemetry_sdk_0_32::propagation::TraceContextPropagator;
use opentelemetry_sdk_0_32::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::case::Case;

/// The SDK that runs, with an exporter that takes everything at once.
pub(crate) struct OlderSdk {
    traces: SdkTracerProvider,
    exported: Arc<AtomicU64>,
    spans: u64,
}

impl OlderSdk {
    /// Sets the globals, and the bridge.
    pub(crate) fn start(sampled: bool) -> Self {
        let exported = Arc::new(AtomicU64::new(0));
        let traces = SdkTracerProvider::builder().with_batch_exporter(Taken(exported.clone())).build();
        global::set_tracer_provider(traces.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        let bridge = tracing_opentelemetry_0_33::layer().with_tracer(traces.tracer("bench"));
        tracing_subscriber::registry().with(bridge).init();
        Self { traces, exported, spans: u64::from(sampled) }
    }

    pub(crate) fn case(self, operation: impl FnMut() + 'static) -> Case {
        let Self { traces, exported, spans } = self;
        let settle = move || {
            traces.force_flush().expect("the exporter takes everything");
            exported.load(Relaxed)
        };
        Case { settle: Box::new(settle), spans: Some(spans), ..Case::bare(operation) }
    }
}

/// Runs each operation in the context of a request whose caller has sampled it or not.
pub(crate) fn within_remote_parent(sampled: bool, mut operation: impl FnMut()) -> impl FnMut() {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let (trace, span) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([9; 8]));
    let remote = SpanContext::new(trace, span, flags, true, TraceState::default());
    let parent = Context::new().with_remote_span_context(remote);
    move || {
        let _attached = parent.clone().attach();
        operation();
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
