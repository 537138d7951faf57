//! Which `OTEL_*` variables have an effect.

use super::Environment;

/// One line for each variable that is set and has no effect, or whose value has none.
pub(super) fn warnings(environment: &Environment) -> Vec<String> {
    let unknown = environment
        .names()
        .filter(|name| name.starts_with("OTEL_") && !SUPPORTED.contains(name) && !is_one_valued(name))
        .map(|name| format!("{name} is set and has no effect"));
    let other_values = ONE_VALUED.iter().filter_map(|(name, values)| {
        let value = environment.get(name)?;
        let has_effect = value.split(',').all(|part| values.contains(&part.trim()));
        (!has_effect).then(|| format!("{name}={value} has no effect, only {}", values.join(", ")))
    });
    unknown.chain(other_values).collect()
}

fn is_one_valued(name: &str) -> bool {
    ONE_VALUED.iter().any(|(one_valued, _)| *one_valued == name)
}

/// Variables that are read, here or by a layer.
const SUPPORTED: &[&str] = &[
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
];

/// Variables of which some values say what is the case anyway.
const ONE_VALUED: &[(&str, &[&str])] = &[
    ("OTEL_EXPORTER_OTLP_PROTOCOL", &["http/protobuf"]),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &["http/protobuf"]),
    ("OTEL_LOGS_EXPORTER", &["none"]),
    ("OTEL_METRICS_EXPORTER", &["none"]),
    ("OTEL_PROPAGATORS", &["tracecontext", "baggage"]),
    ("OTEL_TRACES_EXPORTER", &["otlp", "none"]),
];
