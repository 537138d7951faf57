//! Every way to a collector: by HTTP and by gRPC, compressed, behind TLS.

use std::time::Duration;

use journey::opentelemetry::Context;
use journey::opentelemetry::trace::SpanKind;
use journey::{SpanGuard, stage};
use journey_testkit::collector::{Collector, Mood, TestTls};

use super::alone::alone;
use super::received::{signals, span_named, spans};

fn start(collector: &Collector, more: &[(&str, &str)]) -> journey::Guard {
    let url = collector.url();
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let variables = endpoint.iter().chain(more).copied();
    journey::builder("crm-api").environment(variables).init().expect("the variables are good")
}

fn work() {
    SpanGuard::start("work", SpanKind::Server, vec![], vec![], &Context::new()).end();
    stage("order_create").key(journey::Key::Order, "ORD-1").start().end();
}

fn arrives(collector: &Collector, more: &[(&str, &str)]) {
    let journey = start(collector, more);
    work();
    let report = journey.shutdown();
    assert_eq!((report.spans_delivered, report.spans_lost, report.signals_lost), (1, 0, 0), "{more:?}");
    let received = spans(&collector.bodies());
    assert_eq!(span_named(&received, "work").scope, "journey");
    assert_eq!(signals(&received, "end")[0].get("order.id"), "ORD-1");
}

const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
const GZIP: (&str, &str) = ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");

/// Scenario: gRPC, to the official library.
/// Guarantees: spans and signals arrive.
#[test]
fn grpc_arrives() {
    alone(|| arrives(&Collector::start().unwrap(), &[GRPC]));
}

/// Scenario: gRPC in a current-thread runtime that the shutdown blocks.
/// Guarantees: spans and signals arrive.
#[test]
fn grpc_arrives_from_a_blocked_runtime() {
    alone(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { arrives(&Collector::start().unwrap(), &[GRPC]) });
    });
}

/// Scenario: compressed, by both protocols.
/// Guarantees: every request is, and is read.
#[test]
fn compressed_requests_arrive() {
    alone(|| {
        for protocol in [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), GRPC] {
            let collector = Collector::start().unwrap();
            arrives(&collector, &[protocol, GZIP]);
            assert_eq!(collector.compressed(), collector.requests());
        }
    });
}

/// Scenario: a collector behind TLS that wants a client certificate; by both protocols.
/// Guarantees: spans and signals arrive.
#[test]
fn tls_with_a_client_certificate_arrives() {
    alone(|| {
        let tls = TestTls::new().unwrap();
        let path = |path: std::path::PathBuf| path.to_str().expect("a path of this test").to_owned();
        let files = [
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", path(tls.authority())),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path(tls.certificate("client"))),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path(tls.key("client"))),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, path)| (*name, path.as_str())).collect();
        for protocol in [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), GRPC] {
            let collector = Collector::start_with_tls(&tls).unwrap();
            arrives(&collector, &[&[protocol], &files[..]].concat());
        }
    });
}

/// Scenario: the same collector, but its authority is not trusted; or no client certificate is shown; or the file is no
/// certificate.
/// Guarantees: nothing arrives and all of it is counted as lost; the last is an error of init that names the variable.
#[test]
fn tls_is_not_optional() {
    alone(|| {
        let (tls, other) = (TestTls::new().unwrap(), TestTls::new().unwrap());
        let collector = Collector::start_with_tls(&tls).unwrap();
        for authority in [other.authority(), tls.authority()] {
            let authority = authority.to_str().unwrap().to_owned();
            let journey = start(&collector, &[("OTEL_EXPORTER_OTLP_CERTIFICATE", &authority)]);
            work();
            let report = journey.shutdown();
            assert_eq!((report.spans_delivered, report.spans_lost), (0, 1));
        }
        assert_eq!(collector.requests(), 0);

        let no_certificate = tls.key("client");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", no_certificate.to_str().unwrap().to_owned()),
        ];
        let error = journey::builder("crm-api").environment(variables).init().unwrap_err().to_string();
        assert!(error.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE: "), "{error}");
    });
}

/// Scenario: by both protocols, the collector takes a request but for one record.
/// Guarantees: that one is counted as lost, the others as delivered, and a line of the log says why.
#[test]
fn a_partial_success_is_a_partial_loss() {
    let printed = alone(|| {
        for protocol in ["http/protobuf", "grpc"] {
            let collector = Collector::start().unwrap();
            collector.set_mood(Mood::Picky);
            let journey = start(&collector, &[("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)]);
            (0..10).for_each(|_| work());
            let report = journey.shutdown();
            assert_eq!((report.spans_delivered, report.spans_lost), (9, 1), "{protocol}");
            assert!(report.signals_lost >= 1 && report.signals_delivered >= 19, "{report:?}");
        }
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("refuses telemetry for good"), 2);
        assert_eq!(printed.lines_with("one is enough"), 2);
    }
}

/// Scenario: by gRPC, the collector is not ready, and is later; and another that never takes anything.
/// Guarantees: nothing is lost with the first; the second is asked once per body, and all is counted.
#[test]
fn grpc_retries_what_may_be_retried() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Refuses { status: 503, retry_after_s: 0 });
        let journey = start(&collector, &[GRPC]);
        work();
        while collector.requests() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        collector.set_mood(Mood::Fine);
        let report = journey.flush(Duration::from_secs(20));
        assert_eq!((report.spans_delivered, report.spans_lost, report.signals_lost), (1, 0, 0));

        collector.set_mood(Mood::Refuses { status: 400, retry_after_s: 0 });
        (0..10).for_each(|_| work());
        let report = journey.shutdown();
        assert_eq!((report.spans_delivered, report.spans_lost), (1, 10));
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("grpc-status 14 not now"), 1);
        assert_eq!(printed.lines_with("grpc-status 3 never"), 1);
    }
}

/// Scenario: by gRPC, the collector hangs, then answers.
/// Guarantees: the request is given up in time and sent again, over a connection that works.
#[test]
fn grpc_gives_up_a_call_in_time() {
    alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Hangs);
        let journey = start(&collector, &[GRPC, ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]);
        work();
        while collector.requests() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        collector.set_mood(Mood::Fine);
        let report = journey.flush(Duration::from_secs(20));
        assert_eq!((report.spans_delivered, report.spans_lost), (1, 0));
    });
}

/// Scenario: metrics go to a collector by gRPC, spans to the same by HTTP.
/// Guarantees: both arrive.
#[test]
fn metrics_go_their_own_way() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let metrics =
            [("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"), GZIP];
        let journey = start(&collector, &metrics);
        journey::opentelemetry::global::meter("test").u64_counter("orders").build().add(1, &[]);
        work();
        let report = journey.shutdown();
        assert_eq!((report.metrics_lost, report.spans_delivered), (0, 1));
        assert!(report.metrics_delivered > 0 && !collector.metric_bodies().is_empty());
    });
}
