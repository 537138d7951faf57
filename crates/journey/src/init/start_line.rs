//! The effective configuration in one line.

use std::fmt::Display;

use journey_trace::propagation::{Formats, HostList};

use crate::config::{Config, SpanSize};

/// Where what goes and how, without secrets. Only what differs from machine to machine is left out.
pub(super) fn of(config: &Config) -> String {
    let text = |key| config.resource.str(key).unwrap_or_default();
    let destinations = &config.destinations;
    let version = match text(journey_model::attribute::SERVICE_VERSION) {
        "" => "without version",
        version => version,
    };
    let parts = [
        format!("traces to {}", place(destinations.traces.as_ref())),
        format!("journey lane to {}", place(destinations.lane.as_ref())),
        metrics(config),
        format!("sampler {}", config.sampling.text),
        format!("propagators {}", propagators(config.propagation.formats)),
        format!("ids go to {}", hosts(&config.propagation.hosts)),
        format!("beats every {:?}", config.beat_interval),
        format!("span queue {}", config.batching.queue),
        span_size(&config.span_size),
        format!("console {}", if config.console { "on" } else { "off" }),
        format!("OpenTelemetry {}", text("telemetry.sdk.version")),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("journey: {} {version} starts: {}", config.service(), parts.join(", "))
}

fn place(endpoint: Option<&impl Display>) -> String {
    endpoint.map_or_else(|| "nowhere".into(), ToString::to_string)
}

fn metrics(config: &Config) -> String {
    let place = place(config.destinations.metrics.as_ref());
    match config.destinations.metrics {
        Some(_) => format!("metrics to {place} every {:?}", config.metrics.interval),
        None => format!("metrics to {place}"),
    }
}

fn propagators(formats: Formats) -> &'static str {
    match (formats.trace_context, formats.baggage) {
        (true, true) => "tracecontext+baggage",
        (true, false) => "tracecontext",
        (false, true) => "baggage",
        (false, false) => "none",
    }
}

/// Neighbours are always among them.
fn hosts(listed: &HostList) -> String {
    if listed.is_empty() { "neighbours".into() } else { format!("neighbours and {listed}") }
}

/// Only if texts are cut: the numbers are the SDK's own otherwise.
fn span_size(size: &SpanSize) -> String {
    size.value_chars.map(|chars| format!("texts of spans cut to {chars} characters")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::config::{Environment, Wishes};

    use super::*;

    fn check(variables: &[(&str, &str)], expected: Expect) {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let wishes = Wishes { service: "crm-api".into(), version: Some("1.2.3".into()), ..Wishes::default() };
        let config = Config::read(&Environment::new(variables), &wishes).expect("good variables");
        let line = of(&config)
            .replace(config.resource.str("telemetry.sdk.version").unwrap_or_default(), "<version>");
        assert_eq!(line.lines().count(), 1);
        // A part a line, for those who compare.
        expected.assert_eq(&line.replace(", ", "\n"));
    }

    /// Scenario: nothing is set.
    /// Guarantees: one line tells all defaults.
    #[test]
    fn defaults() {
        check(
            &[],
            expect![[r#"
            journey: crm-api 1.2.3 starts: traces to http://localhost:4318/v1/traces (http/protobuf)
            journey lane to http://localhost:4318/v1/traces (http/protobuf)
            metrics to nowhere
            sampler parentbased_always_on
            propagators tracecontext+baggage
            ids go to neighbours
            beats every 15s
            span queue 8192
            console off
            OpenTelemetry <version>"#]],
        );
    }

    /// Scenario: everything is set, with secrets wherever one can be.
    /// Guarantees: one line tells what is in effect, and no secret.
    #[test]
    fn no_secret_is_told() {
        check(
            &[
                ("JOURNEY_LANE_ENDPOINT", "http://s3cret@relay:4319?k=s3cret"),
                ("JOURNEY_PROPAGATE_TO", "api.example.com"),
                ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "200"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret"),
                ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://u:s3cret@metrics:4318/m?key=s3cret#s3cret"),
                ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x=s3cret"),
                ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://u:s3cret@traces:4317/?key=s3cret"),
                ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x=s3cret"),
                ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
                ("OTEL_METRICS_EXPORTER", "otlp"),
                ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
                ("OTEL_PROPAGATORS", "tracecontext"),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ],
            expect![[r#"
                journey: crm-api 1.2.3 starts: traces to http://REDACTED@traces:4317 (grpc
                gzip)
                journey lane to http://REDACTED@relay:4319/v1/traces (http/protobuf)
                metrics to http://REDACTED@metrics:4318/m (http/protobuf) every 5s
                sampler traceidratio 0.25
                propagators tracecontext
                ids go to neighbours and api.example.com
                beats every 15s
                span queue 100
                texts of spans cut to 200 characters
                console off
                OpenTelemetry <version>"#]],
        );
    }
}
