//! Every `OTEL_*` variable of the specification, and what it does here.
//!
//! Source: [OpenTelemetry environment variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/)
//! and [OTLP exporter](https://opentelemetry.io/docs/specs/otel/protocol/exporter/), 1.50.

use super::Environment;

/// What a variable that is set does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is read, here or by a layer.
    Full,
    /// Nothing, and why.
    None(&'static str),
    /// These values, or lists of them, have an effect, the others have none.
    Values(&'static [&'static str]),
}

/// One line for each variable that is set and has no effect, or whose value has none.
pub(super) fn warnings(environment: &Environment) -> Vec<String> {
    let names = environment.names().filter(|name| name.starts_with("OTEL_"));
    names.filter_map(|name| warning(environment, name)).collect()
}

fn warning(environment: &Environment, name: &str) -> Option<String> {
    match effect(name) {
        Effect::Full if is_of_metrics(name) && !has_metrics(environment) => {
            Some(format!("{name} is set and has no effect without OTEL_METRICS_EXPORTER=otlp"))
        }
        Effect::Full => None,
        Effect::None("") => Some(format!("{name} is set and has no effect")),
        Effect::None(why) => Some(format!("{name} is set and has no effect: {why}")),
        Effect::Values(values) => {
            let value = environment.get(name)?.to_ascii_lowercase();
            let has_effect = value.split(',').all(|part| values.contains(&part.trim()));
            (!has_effect).then(|| format!("{name}={value} has no effect, only {}", values.join(", ")))
        }
    }
}

/// What this variable does. One that the specification does not have does nothing.
pub(super) fn effect(name: &str) -> Effect {
    if let Some(otlp) = name.strip_prefix("OTEL_EXPORTER_OTLP_") {
        return effect_of_otlp(otlp);
    }
    let known = TABLE.iter().find(|(known, _)| *known == name);
    known.map_or(Effect::None(""), |(_, effect)| *effect)
}

/// Of the variables that exist for all signals and for each one.
fn effect_of_otlp(name: &str) -> Effect {
    if name.starts_with("LOGS_") {
        return Effect::None(NO_LOGS);
    }
    match name.strip_prefix("TRACES_").or_else(|| name.strip_prefix("METRICS_")).unwrap_or(name) {
        "CERTIFICATE" | "CLIENT_CERTIFICATE" | "CLIENT_KEY" | "ENDPOINT" | "HEADERS" | "INSECURE"
        | "TIMEOUT" => Effect::Full,
        "COMPRESSION" => Effect::Values(&["gzip", "none"]),
        "PROTOCOL" => Effect::Values(&["grpc", "http/protobuf"]),
        "TEMPORALITY_PREFERENCE" => Effect::Values(&["cumulative", "delta", "lowmemory"]),
        "DEFAULT_HISTOGRAM_AGGREGATION" => Effect::Values(&["explicit_bucket_histogram"]),
        _ => Effect::None(""),
    }
}

fn is_of_metrics(name: &str) -> bool {
    name.starts_with("OTEL_EXPORTER_OTLP_METRICS_") || name.starts_with("OTEL_METRIC_EXPORT_")
}

fn has_metrics(environment: &Environment) -> bool {
    environment.get("OTEL_METRICS_EXPORTER").is_some_and(|names| names.to_ascii_lowercase().contains("otlp"))
}

const NO_LOGS: &str = "logs go to the console only";
const RETRIED: &str = "what waits is retried for minutes; OTEL_EXPORTER_OTLP_TIMEOUT is for one try";
const NO_SUCH_EXPORTER: &str = "there is no such exporter here";

/// Apart from `OTEL_EXPORTER_OTLP_*`.
pub(super) const TABLE: &[(&str, Effect)] = &[
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", Effect::Full),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", Effect::Full),
    ("OTEL_BLRP_EXPORT_TIMEOUT", Effect::None(NO_LOGS)),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", Effect::None(NO_LOGS)),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", Effect::None(NO_LOGS)),
    ("OTEL_BLRP_SCHEDULE_DELAY", Effect::None(NO_LOGS)),
    ("OTEL_BSP_EXPORT_TIMEOUT", Effect::None(RETRIED)),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Effect::Full),
    ("OTEL_BSP_MAX_QUEUE_SIZE", Effect::Full),
    ("OTEL_BSP_SCHEDULE_DELAY", Effect::Full),
    ("OTEL_CONFIG_FILE", Effect::None("there is no configuration by file here")),
    ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", Effect::Full),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", Effect::None(NO_SUCH_EXPORTER)),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", Effect::None(NO_SUCH_EXPORTER)),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", Effect::None(NO_SUCH_EXPORTER)),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", Effect::None(NO_SUCH_EXPORTER)),
    ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", Effect::Full),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", Effect::Full),
    ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", Effect::None(NO_LOGS)),
    ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", Effect::None(NO_LOGS)),
    ("OTEL_LOGS_EXPORTER", Effect::Values(&["none"])),
    ("OTEL_LOG_LEVEL", Effect::None("RUST_LOG is for all lines, target `journey` for ours")),
    ("OTEL_METRICS_EXEMPLAR_FILTER", Effect::Values(&["always_off"])),
    ("OTEL_METRICS_EXPORTER", Effect::Values(&["otlp", "none"])),
    ("OTEL_METRIC_EXPORT_INTERVAL", Effect::Full),
    ("OTEL_METRIC_EXPORT_TIMEOUT", Effect::None(RETRIED)),
    ("OTEL_PROPAGATORS", Effect::Values(&["tracecontext", "baggage", "none"])),
    ("OTEL_RESOURCE_ATTRIBUTES", Effect::Full),
    ("OTEL_SDK_DISABLED", Effect::Values(&["true", "false"])),
    ("OTEL_SEMCONV_STABILITY_OPT_IN", Effect::Values(&["database", "http"])),
    ("OTEL_SERVICE_NAME", Effect::Full),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", Effect::Full),
    ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", Effect::Full),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", Effect::Full),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", Effect::Full),
    ("OTEL_TRACES_EXPORTER", Effect::Values(&["otlp", "none"])),
    ("OTEL_TRACES_SAMPLER", Effect::Full),
    ("OTEL_TRACES_SAMPLER_ARG", Effect::Full),
];
