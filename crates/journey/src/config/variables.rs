//! Every `OTEL_*` variable of the specification, and what it does here.
//!
//! Source: [OpenTelemetry environment variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/)
//! and [OTLP exporter](https://opentelemetry.io/docs/specs/otel/protocol/exporter/), 1.50.

use super::endpoint::{self, Endpoint};
use super::service_links::is_service_link;
use super::signal::Signal;
use super::{Destinations, Environment, Wishes};

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

/// What decides whether a variable that is read matters.
pub(super) struct Surroundings<'a> {
    pub(super) environment: &'a Environment,
    pub(super) wishes: &'a Wishes,
    pub(super) destinations: &'a Destinations,
}

impl Surroundings<'_> {
    /// One line for each variable that is set and has no effect, or whose value has none.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let names = self.environment.names().filter(|name| name.starts_with("OTEL_"));
        names.filter_map(|name| self.warning(name, self.environment.get(name)?))
    }

    fn warning(&self, name: &str, value: &str) -> Option<String> {
        let without = |reason: String| Some(format!("{name} is set and has no effect{reason}"));
        match effect(name) {
            Effect::None("") if is_service_link(name, value) => None,
            Effect::None("") => without(String::new()),
            Effect::None(why) => without(format!(": {why}")),
            Effect::Full | Effect::Values(_)
                if is_of_metrics(name) && self.destinations.metrics.is_none() =>
            {
                without(" without OTEL_METRICS_EXPORTER=otlp".to_owned())
            }
            Effect::Full => {
                self.missing(name, value).and_then(|missing| without(format!(" without {missing}")))
            }
            Effect::Values(values) => {
                let value = value.to_ascii_lowercase();
                let has_effect = value.split(',').all(|part| values.contains(&part.trim()));
                (!has_effect).then(|| format!("{name}={value} has no effect, only {}", values.join(", ")))
            }
        }
    }

    /// What else would have to be set for this variable to matter.
    fn missing(&self, name: &str, value: &str) -> Option<&'static str> {
        let suffix = name.strip_prefix(OTLP).map(|name| of_signal(name).1);
        let (needed, is_there) = match (name, suffix) {
            // Whoever sets it alone believes to keep a tenth, and keeps all.
            ("OTEL_TRACES_SAMPLER_ARG", _) => {
                (RATIO_SAMPLER, super::sampling::has_argument(self.environment))
            }
            (_, Some("CERTIFICATE" | "CLIENT_CERTIFICATE" | "CLIENT_KEY")) => {
                let is_secure = |endpoint: &&Endpoint| endpoint.url.scheme() == "https";
                ("an endpoint of https://", self.endpoints(name).any(|endpoint| is_secure(&endpoint)))
            }
            (_, Some("INSECURE")) if value.eq_ignore_ascii_case("true") => {
                let matters = |signal| endpoint::lacks_scheme(signal, self.environment, self.wishes);
                (SCHEMELESS, self.signals(name).any(matters))
            }
            _ => return None,
        };
        (!is_there).then_some(needed)
    }

    /// Where the signals of this variable go.
    fn endpoints(&self, name: &str) -> impl Iterator<Item = &Endpoint> {
        let Destinations { traces, metrics, lane } = self.destinations;
        let of_traces = self.signals(name).any(|signal| signal == Signal::Traces);
        let of_metrics = self.signals(name).any(|signal| signal == Signal::Metrics);
        let of_traces = traces.iter().chain(lane).filter(move |_| of_traces);
        of_traces.chain(metrics.iter().filter(move |_| of_metrics))
    }

    /// The exported signals that this variable concerns.
    fn signals(&self, name: &str) -> impl Iterator<Item = Signal> {
        let of = of_signal(name.strip_prefix(OTLP).unwrap_or(name)).0;
        let has_metrics = self.destinations.metrics.is_some();
        let all = [Signal::Metrics, Signal::Traces].into_iter();
        all.filter(move |signal| of.is_none_or(|of| of == *signal))
            .filter(move |signal| *signal != Signal::Metrics || has_metrics)
    }
}

/// What this variable does. One that the specification does not have does nothing.
pub(super) fn effect(name: &str) -> Effect {
    if let Some(otlp) = name.strip_prefix(OTLP) {
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
    match of_signal(name) {
        (
            _,
            "CERTIFICATE" | "CLIENT_CERTIFICATE" | "CLIENT_KEY" | "ENDPOINT" | "HEADERS" | "INSECURE"
            | "TIMEOUT",
        ) => Effect::Full,
        (_, "COMPRESSION") => Effect::Values(&["gzip", "none"]),
        (_, "PROTOCOL") => Effect::Values(&["grpc", "http/protobuf"]),
        (Some(Signal::Metrics), "TEMPORALITY_PREFERENCE") => {
            Effect::Values(&["cumulative", "delta", "lowmemory"])
        }
        (Some(Signal::Metrics), "DEFAULT_HISTOGRAM_AGGREGATION") => {
            Effect::Values(&["explicit_bucket_histogram"])
        }
        _ => Effect::None(""),
    }
}

/// The signal of a variable behind [`OTLP`], if it is for one only, and the rest of its name.
fn of_signal(name: &str) -> (Option<Signal>, &str) {
    let of = |prefix, signal| name.strip_prefix(prefix).map(|rest| (Some(signal), rest));
    of("METRICS_", Signal::Metrics).or_else(|| of("TRACES_", Signal::Traces)).unwrap_or((None, name))
}

fn is_of_metrics(name: &str) -> bool {
    name.starts_with("OTEL_EXPORTER_OTLP_METRICS_") || name.starts_with("OTEL_METRIC_EXPORT_")
}

const OTLP: &str = "OTEL_EXPORTER_OTLP_";
const RATIO_SAMPLER: &str = "OTEL_TRACES_SAMPLER=traceidratio or parentbased_traceidratio";
const SCHEMELESS: &str = "an endpoint of gRPC that has no scheme";
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
