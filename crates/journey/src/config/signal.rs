//! The signals of OpenTelemetry that leave by OTLP.

use super::Environment;

/// What is exported. The journey lane is of the kind of the traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Metrics.
    Metrics,
    /// Spans, and the signals of the journey lane.
    Traces,
}

impl Signal {
    /// Path of the OTLP/HTTP request below the base URL.
    pub(super) fn http_path(self) -> &'static str {
        match self {
            Signal::Metrics => "/v1/metrics",
            Signal::Traces => "/v1/traces",
        }
    }

    /// Path of the OTLP/gRPC call below the base URL.
    pub(super) fn grpc_path(self) -> &'static str {
        match self {
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        }
    }

    /// Name of this signal's own variable, such as `OTEL_EXPORTER_OTLP_TRACES_HEADERS` for `HEADERS`.
    pub(super) fn own_variable(self, suffix: &str) -> String {
        let signal = match self {
            Signal::Metrics => "METRICS",
            Signal::Traces => "TRACES",
        };
        format!("OTEL_EXPORTER_OTLP_{signal}_{suffix}")
    }

    /// Name and value of this signal's own variable, else of the general one.
    pub(super) fn variable<'e>(
        self,
        suffix: &str,
        environment: &'e Environment,
    ) -> Option<(String, &'e str)> {
        let names = [self.own_variable(suffix), general_variable(suffix)];
        names.into_iter().find_map(|name| {
            let value = environment.get(&name)?;
            Some((name, value))
        })
    }
}

/// Name of the variable for all signals, such as `OTEL_EXPORTER_OTLP_HEADERS` for `HEADERS`.
pub(super) fn general_variable(suffix: &str) -> String {
    format!("OTEL_EXPORTER_OTLP_{suffix}")
}
