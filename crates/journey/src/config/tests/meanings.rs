//! Variables whose meaning depends on others: endpoints, certificates, exporters, batches.

use std::time::Duration;

use super::variables::traces;
use super::*;

/// Scenario: gRPC, with and without scheme, path and `INSECURE`.
/// Guarantees: the path is that of the call; without a scheme it is secure unless said otherwise.
#[test]
fn grpc_endpoints() {
    let url = |variables: &[(&str, &str)]| {
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        config(&[&[grpc], variables].concat()).map(|config| traces(&config).to_string())
    };
    let endpoint = |value| ("OTEL_EXPORTER_OTLP_ENDPOINT", value);
    assert_eq!(url(&[]).unwrap(), "http://localhost:4317 (grpc)");
    assert_eq!(url(&[endpoint("http://agent:4317/")]).unwrap(), "http://agent:4317 (grpc)");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    assert_eq!(url(&[endpoint("agent:4317"), insecure]).unwrap(), "http://agent:4317 (grpc)");
    assert_eq!(
        url(&[endpoint("agent:4317"), ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true")]).unwrap(),
        "http://agent:4317 (grpc)"
    );
    match url(&[endpoint("agent:4317")]) {
        Ok(secure) => assert_eq!(secure, "https://agent:4317 (grpc)"),
        Err(error) => assert!(error.to_string().contains("feature `tls`"), "{error}"),
    }
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317");
    let config = config(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), own]).unwrap();
    assert_eq!(
        traces(&config).url.as_str(),
        "http://traces:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    );
}

/// Scenario: `https://`, with and without the feature, with files that are not there or incomplete.
/// Guarantees: the error says what is missing.
#[test]
fn https_needs_the_feature_and_its_files() {
    let https = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:s3cret@agent:4318");
    let error =
        |more: &[(&str, &str)]| config(&[&[https], more].concat()).map(|_| ()).unwrap_err().to_string();
    if cfg!(feature = "tls") {
        let missing = error(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file")]);
        assert!(
            missing.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE: \"/no/such/file\" cannot be used"),
            "{missing}"
        );
        let half = error(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/dev/null")]);
        assert!(half.starts_with("OTEL_EXPORTER_OTLP_CLIENT_KEY is set alone"), "{half}");
        let endless = error(&[("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/dev/zero")]);
        assert!(endless.contains("too large"), "{endless}");
        assert!(config(&[https]).is_ok());
    } else {
        let error = error(&[]);
        assert!(error.contains("feature `tls`") && !error.contains("s3cret"), "{error}");
    }
}

/// Scenario: `JOURNEY_CONSOLE=1`, with and without an endpoint.
/// Guarantees: nothing is sent to the default address that nobody asked for.
#[test]
fn the_console_needs_no_collector() {
    let places = |variables: &[(&str, &str)]| {
        let config = config(&[&[("JOURNEY_CONSOLE", "1")], variables].concat()).unwrap();
        assert!(config.console);
        (config.destinations.traces.is_some(), config.destinations.lane.is_some())
    };
    assert_eq!(places(&[]), (false, false));
    assert_eq!(places(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://agent:4318")]), (true, true));
    assert_eq!(places(&[("JOURNEY_LANE_ENDPOINT", "http://agent:4318")]), (true, true));
}

/// Scenario: several exporters, in any case.
/// Guarantees: `otlp` is found among them; one that is unknown leaves the default.
#[test]
fn lists_of_exporters() {
    let metrics =
        |names: &str| config(&[("OTEL_METRICS_EXPORTER", names)]).unwrap().destinations.metrics.is_some();
    assert_eq!(
        ["otlp", "OTLP", "prometheus,otlp", "prometheus", "none"].map(metrics),
        [true, true, true, false, false]
    );
    let traces =
        |names: &str| config(&[("OTEL_TRACES_EXPORTER", names)]).unwrap().destinations.traces.is_some();
    assert_eq!(["otlp", "None", "zipkin"].map(traces), [true, false, true]);
}

/// Scenario: a queue, a batch that is larger, and numbers out of range.
/// Guarantees: the batch fits into the queue; a number that makes no sense is an error that names it.
#[test]
fn batches_fit_into_the_queue() {
    let config_of = |value| config(&[("OTEL_BSP_MAX_QUEUE_SIZE", value)]);
    assert_eq!(
        config_of("100").unwrap().batching,
        Batching { queue: 100, batch: 100, linger: Duration::from_secs(1) }
    );
    for value in ["0", "-1", "many", "1048577"] {
        assert!(config_of(value).unwrap_err().to_string().starts_with("OTEL_BSP_MAX_QUEUE_SIZE"), "{value}");
    }
}
