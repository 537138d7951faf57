//! What the variables come to.

mod meanings;
mod variables;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn config(variables: &[(&str, &str)]) -> Result<Config, InitError> {
    let wishes = Wishes { service: "crm-api".into(), version: Some("1.2.3".into()), ..Wishes::default() };
    Config::read(&environment(variables), &wishes)
}

fn urls(variables: &[(&str, &str)]) -> (String, String) {
    let config = config(variables).unwrap();
    let traces = config.destinations.traces.map_or_else(|| "-".into(), |traces| traces.url.to_string());
    (traces, config.destinations.lane.as_ref().unwrap().url.to_string())
}

/// Scenario: nothing is set.
/// Guarantees: the documented defaults.
#[test]
fn defaults() {
    let config = config(&[]).unwrap();
    let default = "http://localhost:4318/v1/traces";
    assert_eq!(urls(&[]), (default.into(), default.into()));
    assert!(!config.destinations.are_apart());
    assert_eq!(config.sampling.text, "parentbased_always_on");
    assert!(config.sampling.follows_parent);
    assert_eq!(config.beat_interval, Duration::from_secs(15));
    assert_eq!(config.destinations.traces.as_ref().unwrap().timeout, Duration::from_secs(10));
    assert!(config.destinations.metrics.is_none() && !config.console);
    assert_eq!(config.service(), "crm-api");
    assert_eq!(config.resource.str("service.version"), Some("1.2.3"));
    assert_eq!(config.resource.str("telemetry.sdk.language"), Some("rust"));
    let instance = config.resource.str("service.instance.id").unwrap();
    assert_eq!(uuid::Uuid::parse_str(instance).unwrap().get_version_num(), 4);
    assert!(config.warnings.is_empty());
}

/// Scenario: the endpoints are set in each way.
/// Guarantees: a base URL gets the path, the one for traces stands as it is, and the lane follows unless it has its own.
#[test]
fn endpoints() {
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://agent:4318/otlp/");
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:9/x");
    let lane = ("JOURNEY_LANE_ENDPOINT", "http://relay:4319");
    let none = ("OTEL_TRACES_EXPORTER", "none");
    let at = |traces: &str, lane: &str| (traces.to_owned(), lane.to_owned());
    let based = "http://agent:4318/otlp/v1/traces";
    assert_eq!(urls(&[base]), at(based, based));
    assert_eq!(urls(&[base, own]), at("http://traces:9/x", "http://traces:9/x"));
    assert_eq!(urls(&[base, lane]), at(based, "http://relay:4319/v1/traces"));
    assert_eq!(urls(&[base, none]), at("-", based));
    assert!(config(&[base, lane]).unwrap().destinations.are_apart());
}

/// Scenario: headers with a secret are set, and the lane goes to another host.
/// Guarantees: they are decoded, stay with their host, and are printed nowhere.
#[test]
fn headers_are_secrets() {
    let headers = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20s3cret, x-tenant=a"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-tenant=b"),
    ];
    let config_of = |more: &[(&str, &str)]| config(&[&headers, more].concat()).unwrap();
    let same_host = config_of(&[("JOURNEY_LANE_ENDPOINT", "http://localhost:4318/lane")]);
    let traces = same_host.destinations.traces.as_ref().unwrap();
    assert_eq!(traces.headers["authorization"], "Bearer s3cret");
    assert_eq!(same_host.destinations.lane.as_ref().unwrap().headers["x-tenant"], "b");
    assert!(!format!("{same_host:?}").contains("s3cret"));
    let other_host = config_of(&[("JOURNEY_LANE_ENDPOINT", "http://relay:4319")]);
    assert!(other_host.destinations.lane.unwrap().headers.is_empty());
    let broken = config(&[("OTEL_EXPORTER_OTLP_HEADERS", "s3cret")]).unwrap_err();
    assert!(!broken.to_string().contains("s3cret"));
    let url = config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:s3cret@agent:1/?key=s3cret")]).unwrap();
    assert_eq!(
        url.destinations.lane.unwrap().to_string(),
        "http://REDACTED@agent:1/v1/traces (http/protobuf)"
    );
}

/// Scenario: the resource comes from the environment, encoded, with an instance id.
/// Guarantees: the service's variable wins, values are decoded, and the id is unique all the same.
#[test]
fn resource() {
    let config = config(&[
        ("OTEL_SERVICE_NAME", "crm"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=x,deployment.environment.name=pr%C3%BCf,service.instance.id=pod-1,service.version=9",
        ),
    ])
    .unwrap();
    assert_eq!(config.service(), "crm");
    assert_eq!(config.resource.str("deployment.environment.name"), Some("prüf"));
    assert_eq!(config.resource.str("service.version"), Some("9"));
    let instance = config.resource.str("service.instance.id").unwrap();
    assert!(uuid::Uuid::parse_str(instance.strip_prefix("pod-1-").unwrap()).is_ok());
}

/// Scenario: every sampler of the specification that we have.
/// Guarantees: a root stage is decided as a root span is.
#[test]
fn samplers() {
    let keeps = |name: &str, ratio: &str| {
        let variables = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", ratio)];
        let sampling = config(&variables).unwrap().sampling;
        let root = sampling.root_sampler();
        // The ratio sampler looks at the low 63 bits of the trace id.
        (root(1.into()), root(u128::MAX.into()), sampling.follows_parent)
    };
    assert_eq!(keeps("always_on", ""), (true, true, false));
    assert_eq!(keeps("ALWAYS_ON", ""), (true, true, false));
    assert_eq!(keeps("parentbased_always_off", ""), (false, false, true));
    assert_eq!(keeps("traceidratio", "0.5"), (true, false, false));
    assert_eq!(keeps("parentbased_traceidratio", "0"), (false, false, true));
}

/// Scenario: values that make no sense.
/// Guarantees: the error names the variable, the value and what it should be.
#[test]
fn errors_name_the_variable() {
    let error = |name: &str, value: &str| config(&[(name, value)]).unwrap_err().to_string();
    assert_eq!(
        error("OTEL_TRACES_SAMPLER", "xray"),
        "OTEL_TRACES_SAMPLER is \"xray\"; it should be always_on, always_off or traceidratio, each also with \
         parentbased_ before it"
    );
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://x"),
        ("JOURNEY_LANE_ENDPOINT", ":"),
        ("JOURNEY_BEAT_INTERVAL", "soon"),
        ("JOURNEY_BEAT_INTERVAL", "1ms"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("JOURNEY_PROPAGATE_TO", "https://api.example.com:443"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "many"),
        ("OTEL_RESOURCE_ATTRIBUTES", "nonsense"),
    ] {
        let error = error(name, value);
        assert!(error.starts_with(name) && error.contains(value), "{error}");
    }
    for (with, name, value) in [
        (("OTEL_TRACES_SAMPLER", "traceidratio"), "OTEL_TRACES_SAMPLER_ARG", "7"),
        (("OTEL_METRICS_EXPORTER", "otlp"), "OTEL_METRIC_EXPORT_INTERVAL", "1m"),
    ] {
        assert!(config(&[with, (name, value)]).unwrap_err().to_string().starts_with(name), "{name}");
    }
}

/// Scenario: a URL that is none, with a secret in it.
/// Guarantees: the error shows the rest.
#[test]
fn a_bad_url_keeps_its_secret() {
    for (value, shown) in [
        ("htp://user:s3cret@agent:1?key=s3cret", "htp://REDACTED@agent:1"),
        ("s3cret@agent", "REDACTED@agent"),
        ("agent:4318", "agent:4318"),
        // The text was once cut at `?` and `#` before anybody looked for the `@`, which left half of a password.
        ("http://user:s3cret?x@host:4318", "http://REDACTED@host:4318"),
        ("http://user:pa#s3cret@host", "http://REDACTED@host"),
        ("user:s3cret//x@host", "REDACTED@host"),
    ] {
        let error = config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", value)]).unwrap_err().to_string();
        assert!(error.contains(&format!("{shown:?}")) && !error.contains("s3cret"), "{error}");
    }
}

/// Scenario: variables that the specification does not have, empty ones, and values that say what is the case anyway.
/// Guarantees: only the first are warned about, by name.
#[test]
fn unsupported_variables_are_named() {
    let config = config(&[
        ("OTEL_LOG_LEVEL", " "),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_PROPAGATORS", "tracecontext, baggage"),
        ("OTEL_SERVICE_NAME", "crm-api"),
        ("OTEL_SERVICE_NAMES", "crm-api"),
    ]);
    assert_eq!(config.unwrap().warnings, ["OTEL_SERVICE_NAMES is set and has no effect"]);
}

/// Scenario: builder and environment are printed, with secrets in headers and in the builder's endpoints.
/// Guarantees: names, no secret.
#[test]
fn debug_shows_no_secret() {
    let builder = crate::builder("crm-api")
        .endpoint("http://user:s3cret@agent:4318?key=s3cret")
        .lane_endpoint("http://user:s3cret@relay:4319")
        .environment([("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret")]);
    let shown = format!("{builder:?}");
    assert!(shown.contains("OTEL_EXPORTER_OTLP_HEADERS") && shown.contains("REDACTED@agent:4318"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

/// Scenario: spans are not to wait for company.
/// Guarantees: that is no error.
#[test]
fn a_delay_of_zero_is_the_least() {
    let batching = config(&[("OTEL_BSP_SCHEDULE_DELAY", "0")]).unwrap().batching;
    assert_eq!(batching.linger, Duration::from_millis(1));
}
