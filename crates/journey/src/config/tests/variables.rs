//! Each variable of the specification, one by one.

use super::super::variables::{Effect, effect};
use super::*;

/// What a variable that has an effect changes, told by a part of the configuration.
type Look = fn(&Config) -> String;

pub(super) fn traces(config: &Config) -> &Endpoint {
    config.destinations.traces.as_ref().expect("traces go somewhere")
}

fn metrics(config: &Config) -> &Endpoint {
    config.destinations.metrics.as_ref().expect("metrics go somewhere")
}

fn header(endpoint: &Endpoint) -> String {
    endpoint.headers.get("x").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Variable, value, what it changes, and what to.
const HONOURED: &[(&str, &str, Look, &str)] = &[
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7", |c| c.span_size.counts.max_attributes_per_span.to_string(), "7"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", |c| format!("{:?}", c.span_size.value_chars), "Some(7)"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7", |c| c.batching.batch.to_string(), "7"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "700", |c| c.batching.queue.to_string(), "700"),
    ("OTEL_BSP_SCHEDULE_DELAY", "7", |c| format!("{:?}", c.batching.linger), "7ms"),
    (
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "7",
        |c| c.span_size.counts.max_attributes_per_event.to_string(),
        "7",
    ),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", |c| format!("{:?}", traces(c).compression), "Gzip"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:1", |c| traces(c).url.to_string(), "http://x:1/v1/traces"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "x=1", |c| header(traces(c)), "1"),
    ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip", |c| format!("{:?}", metrics(c).compression), "Gzip"),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://x:1/m", |c| metrics(c).url.to_string(), "http://x:1/m"),
    ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x=1", |c| header(metrics(c)), "1"),
    ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc", |c| format!("{:?}", metrics(c).protocol), "Grpc"),
    (
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "delta",
        |c| format!("{:?}", c.metrics.temporality),
        "Delta",
    ),
    ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "7", |c| format!("{:?}", metrics(c).timeout), "7ms"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", |c| format!("{:?}", traces(c).protocol), "Grpc"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "7", |c| format!("{:?}", metrics(c).timeout), "7ms"),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip", |c| format!("{:?}", traces(c).compression), "Gzip"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x:1/t", |c| traces(c).url.to_string(), "http://x:1/t"),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x=1", |c| header(traces(c)), "1"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", |c| format!("{:?}", traces(c).protocol), "Grpc"),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "7", |c| format!("{:?}", traces(c).timeout), "7ms"),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "7", |c| c.span_size.counts.max_attributes_per_link.to_string(), "7"),
    ("OTEL_METRICS_EXPORTER", "none", |c| c.destinations.metrics.is_some().to_string(), "false"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "7", |c| format!("{:?}", c.metrics.interval), "7ms"),
    ("OTEL_PROPAGATORS", "baggage", |c| c.propagation.formats.trace_context.to_string(), "false"),
    ("OTEL_RESOURCE_ATTRIBUTES", "a=b", |c| c.resource.str("a").unwrap_or_default().to_owned(), "b"),
    ("OTEL_SERVICE_NAME", "x", |c| c.service().to_owned(), "x"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "7", |c| c.span_size.counts.max_attributes_per_span.to_string(), "7"),
    ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", |c| format!("{:?}", c.span_size.value_chars), "Some(7)"),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "7", |c| c.span_size.counts.max_events_per_span.to_string(), "7"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "7", |c| c.span_size.counts.max_links_per_span.to_string(), "7"),
    ("OTEL_TRACES_EXPORTER", "none", |c| c.destinations.traces.is_some().to_string(), "false"),
    ("OTEL_TRACES_SAMPLER", "always_off", |c| c.sampling.text.clone(), "always_off"),
];

/// Variables that are tested elsewhere, since they change nothing by themselves: certificates need a feature and files,
/// `INSECURE` an endpoint without a scheme, an argument its sampler.
const ELSEWHERE: &[&str] = &[
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_SAMPLER_ARG",
];

/// Variables that have no effect, with a value.
const WARNED: &[(&str, &str)] = &[
    ("OTEL_BLRP_EXPORT_TIMEOUT", "1"),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "1"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "1"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
    ("OTEL_CONFIG_FILE", "x"),
    ("OTEL_ENTITIES", "x"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "x"),
    ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", "x"),
    ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "x"),
    ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip"),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://x"),
    ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x=s3cret"),
    ("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "true"),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc"),
    ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "1"),
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ("OTEL_EXPORTER_OTLP_TEMPORALITY_PREFERENCE", "delta"),
    ("OTEL_EXPORTER_OTLP_TRACES_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
    ("OTEL_EXPORTER_OTLP_TRACES_TEMPORALITY_PREFERENCE", "delta"),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "x"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "1"),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://x"),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "1"),
    ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1"),
    ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
    ("OTEL_LOGS_EXPORTER", "otlp"),
    ("OTEL_LOG_LEVEL", "debug"),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "always_on"),
    ("OTEL_METRICS_EXPORTER", "prometheus"),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "1"),
    ("OTEL_PROPAGATORS", "b3"),
    ("OTEL_TRACES_EXPORTER", "zipkin"),
    // These are read, but something else that they need is missing.
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/no/such/file"),
    ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "/no/such/file"),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "/no/such/file"),
    ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true"),
    ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
];

/// Scenario: each variable that is supported is set, alone.
/// Guarantees: it changes what it is for, from something else, and nobody is warned.
#[test]
fn each_supported_variable_has_an_effect() {
    for (name, value, look, expected) in HONOURED {
        let with_metrics = [("OTEL_METRICS_EXPORTER", "otlp")];
        let before = config(&with_metrics).expect(name);
        let after = config(&[&with_metrics[..], &[(*name, *value)]].concat()).expect(name);
        assert_eq!(look(&after), *expected, "{name}");
        assert_ne!(look(&before), *expected, "{name}");
        assert!(after.warnings.is_empty(), "{name}: {:?}", after.warnings);
    }
}

/// Scenario: each variable, or value, that has no effect is set, alone.
/// Guarantees: it is named in one line, no value of a header is shown, and nothing fails.
#[test]
fn each_other_variable_is_warned_about() {
    for (name, value) in WARNED {
        let warnings = config(&[("OTEL_METRICS_EXPORTER", "otlp"), (name, value)]).expect(name).warnings;
        assert_eq!(warnings.len(), 1, "{name}: {warnings:?}");
        assert!(warnings[0].starts_with(name) && warnings[0].contains("has no effect"), "{warnings:?}");
        assert!(!warnings[0].contains("s3cret"));
    }
}

/// Scenario: the tables of this file, and the one that the warnings are made from.
/// Guarantees: no variable that is called supported is without a test.
#[test]
fn no_supported_variable_is_untested() {
    let tested = |name: &str| HONOURED.iter().any(|(known, ..)| *known == name) || ELSEWHERE.contains(&name);
    for signal in ["", "METRICS_", "TRACES_"] {
        for suffix in SUFFIXES {
            let name = format!("OTEL_EXPORTER_OTLP_{signal}{suffix}");
            assert!(effect(&name) != Effect::None("") && tested(&name), "{name}");
        }
    }
    for (name, _) in super::super::variables::TABLE.iter().filter(|(_, effect)| *effect == Effect::Full) {
        assert!(tested(name) || *name == "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "{name}");
    }
    for (name, ..) in HONOURED {
        assert!(!matches!(effect(name), Effect::None(_)), "{name}");
    }
}

/// Scenario: variables of metrics without any export of metrics, with a value that makes sense or not.
/// Guarantees: they are warned about, with what is missing, and nothing fails. Once only some of them were, and an
/// interval of two hours stopped a service that had no metrics.
#[test]
fn metrics_need_their_exporter() {
    for (name, value) in [
        ("OTEL_METRIC_EXPORT_INTERVAL", "7200000"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://agent"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
    ] {
        let warnings = config(&[(name, value)]).expect(name).warnings;
        assert_eq!(warnings, [format!("{name} is set and has no effect without OTEL_METRICS_EXPORTER=otlp")]);
    }
}

/// Scenario: variables that need something else, with it.
/// Guarantees: nobody is warned.
#[test]
fn what_is_there_is_not_missed() {
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    for variables in [
        &[("OTEL_TRACES_SAMPLER", "ParentBased_TraceIdRatio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")][..],
        &[grpc, ("OTEL_EXPORTER_OTLP_ENDPOINT", "agent:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")],
        &[("OTEL_EXPORTER_OTLP_INSECURE", "false")],
        &[("JOURNEY_SAMPLE", "GET /x=1")],
    ] {
        assert_eq!(config(variables).unwrap().warnings, [""; 0], "{variables:?}");
    }
}

/// Scenario: a pod in whose namespace there are Services called `otel-collector` and `journey-relay`.
/// Guarantees: nobody is warned of variables that nobody has set; once there were a dozen lines at each start.
#[test]
fn services_of_kubernetes_make_no_noise() {
    let links = ["otel-collector", "journey-relay", "otel-exporter-otlp"].map(|service| {
        let service = service.to_uppercase().replace('-', "_");
        [
            (format!("{service}_SERVICE_HOST"), "10.0.0.11"),
            (format!("{service}_SERVICE_PORT"), "4317"),
            (format!("{service}_SERVICE_PORT_OTLP_HTTP"), "4318"),
            (format!("{service}_PORT"), "tcp://10.0.0.11:4317"),
            (format!("{service}_PORT_4317_TCP"), "tcp://10.0.0.11:4317"),
            (format!("{service}_PORT_4317_TCP_PROTO"), "tcp"),
            (format!("{service}_PORT_4317_TCP_PORT"), "4317"),
            (format!("{service}_PORT_4317_TCP_ADDR"), "10.0.0.11"),
        ]
    });
    let links: Vec<(&str, &str)> = links.iter().flatten().map(|(name, value)| (&**name, *value)).collect();
    assert_eq!(config(&links).unwrap().warnings, [""; 0]);
    for (name, value) in [("OTEL_COLLECTOR_PORT", "4317"), ("OTEL_PORT_X_TCP", "1"), ("OTEL_SERVICE", "x")] {
        assert_eq!(config(&[(name, value)]).unwrap().warnings.len(), 1, "{name}");
    }
}

/// Scenario: each `JOURNEY_*` variable of the documents, and a slip of the pen.
/// Guarantees: only the slip is warned about, by name.
#[test]
fn unknown_variables_of_ours_are_named() {
    let documents = [
        include_str!("../../../../../docs/environment.md"),
        include_str!("../../../../../docs/operations.md"),
    ];
    let words = documents.concat();
    let words = words.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_'));
    let documented: Vec<&str> =
        words.filter(|word| word.strip_prefix("JOURNEY_").is_some_and(|rest| !rest.is_empty())).collect();
    assert!(documented.contains(&"JOURNEY_PROPAGATE_TO") && documented.contains(&"JOURNEY_AMQP_URL"));
    let warnings = |name: &str| {
        let variables = [(name.to_owned(), "x".to_owned())];
        super::super::own_variables::warnings(&Environment::new(variables)).collect::<Vec<_>>()
    };
    for name in documented {
        let is_of_bridge = name == "JOURNEY_TRACE_FILTER" && !cfg!(feature = "bridge");
        assert_eq!(warnings(name).len(), usize::from(is_of_bridge), "{name}");
    }
    let slip = format!("{}O", "JOURNEY_PROPAGATE_TO");
    assert_eq!(warnings(&slip), [format!("{slip} is set and has no effect: there is no such variable")]);
}

const SUFFIXES: [&str; 9] = [
    "CERTIFICATE",
    "CLIENT_CERTIFICATE",
    "CLIENT_KEY",
    "COMPRESSION",
    "ENDPOINT",
    "HEADERS",
    "INSECURE",
    "PROTOCOL",
    "TIMEOUT",
];
