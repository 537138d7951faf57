//! Journey, set up as a service does.

use std::time::Duration;

use journey::Guard;
use journey_trace::{ContextExt, JourneyCell, Key};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use crate::case::Case;
use crate::peers::Telemetry;
use crate::sink::Sink;

/// Journey that runs, and sends to a collector that takes everything.
pub(crate) struct Ours {
    guard: Guard,
    collector: Sink,
    spans: Option<u64>,
}

impl Ours {
    pub(crate) fn start(telemetry: Telemetry) -> Self {
        let collector = Sink::start().expect("this program starts once more, and loopback has a free port");
        let (sampler, argument) = match telemetry.ratio {
            Some(ratio) => ("parentbased_traceidratio", ratio.to_string()),
            None => ("parentbased_always_on", String::new()),
        };
        let metrics = if telemetry.metrics { "otlp" } else { "none" };
        let guard = journey::builder("bench")
            .environment([
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
                ("OTEL_METRICS_EXPORTER", metrics),
                ("OTEL_TRACES_SAMPLER", sampler),
                ("OTEL_TRACES_SAMPLER_ARG", &argument),
            ])
            .init()
            .expect("the settings are good");
        Self { guard, collector, spans: telemetry.spans }
    }

    pub(crate) fn case(self, operation: impl FnMut() + 'static) -> Case {
        let Self { guard, collector, spans } = self;
        let settle = move || {
            let _lives = &collector;
            guard.flush(PATIENCE).spans_delivered
        };
        Case { settle: Box::new(settle), spans, ..Case::bare(operation) }
    }
}

/// All is asked for: a span per operation under a sampled parent, none under another.
pub(crate) const fn telemetry(sampled: bool, metrics: bool) -> Telemetry {
    Telemetry { metrics, ratio: None, baggage: false, spans: Some(sampled as u64) }
}

/// The context of a request of an order, sampled by the caller of this service or not.
pub(crate) fn request(sampled: bool) -> Context {
    let cell = JourneyCell::new();
    cell.set(Key::Order, "ORD-000123");
    remote_parent(sampled).with_cell(cell)
}

/// The context of a caller who has sampled its trace or not.
pub(crate) fn remote_parent(sampled: bool) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let (trace, span) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([9; 8]));
    let remote = SpanContext::new(trace, span, flags, true, TraceState::default());
    Context::new().with_remote_span_context(remote)
}

/// For one batch on loopback, under valgrind too.
const PATIENCE: Duration = Duration::from_secs(60);
