//! Journey, set up as a service does.

use std::time::Duration;

use journey::Guard;

use crate::case::Case;
use crate::peers::Telemetry;
use crate::sink;

/// Journey that runs, and sends to a collector that takes everything.
pub(crate) struct Ours {
    guard: Guard,
    spans: Option<u64>,
}

impl Ours {
    pub(crate) fn start(telemetry: Telemetry) -> Self {
        let endpoint = sink::start().expect("loopback has a free port");
        let (sampler, argument) = match telemetry.ratio {
            Some(ratio) => ("parentbased_traceidratio", ratio.to_string()),
            None => ("parentbased_always_on", String::new()),
        };
        let metrics = if telemetry.metrics { "otlp" } else { "none" };
        let guard = journey::builder("bench")
            .environment([
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                ("OTEL_METRICS_EXPORTER", metrics),
                ("OTEL_TRACES_SAMPLER", sampler),
                ("OTEL_TRACES_SAMPLER_ARG", &argument),
            ])
            .init()
            .expect("the settings are good");
        Self { guard, spans: telemetry.spans }
    }

    pub(crate) fn case(self, operation: impl FnMut() + 'static) -> Case {
        let Self { guard, spans } = self;
        let settle = move || guard.flush(PATIENCE).spans_delivered;
        Case { operation: Box::new(operation), per_call: 1, settle: Box::new(settle), spans }
    }
}

/// For one batch on loopback, under valgrind too.
const PATIENCE: Duration = Duration::from_secs(60);
