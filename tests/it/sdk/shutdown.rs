//! The end tells the truth: in each runtime, with each kind of collector, within one deadline.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use journey::opentelemetry::Context;
use journey::opentelemetry::trace::SpanKind;
use journey::{ExportReport, SpanGuard, limits, stage};
use journey_testkit::collector::{Collector, Mood};
use tokio::runtime::Builder;

use super::alone::alone;

const ORDERS: u64 = 100;

/// Work, an attempt to flush, and the end.
fn serve(url: &str) -> (ExportReport, ExportReport) {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        // Beats and process signals would blur the numbers.
        ("JOURNEY_BEAT_INTERVAL", "1h"),
    ];
    let journey = journey::builder("crm-api").environment(variables).init().expect("the variables are good");
    for _ in 0..ORDERS {
        SpanGuard::start("work", SpanKind::Server, vec![], vec![], &Context::new()).end();
        stage("order_create").start().end();
    }
    let flushed = journey.flush(Duration::from_millis(500));
    let began = Instant::now();
    let stopped = journey.shutdown();
    let time = began.elapsed();
    assert!(time < limits::SHUTDOWN_DEADLINE + Duration::from_secs(2), "{time:?}");
    assert_eq!(stopped.spans_delivered + stopped.spans_lost, ORDERS, "{stopped:?}");
    // Start and end of each stage, first and last word of the process.
    assert_eq!(stopped.signals_delivered + stopped.signals_lost, 2 * ORDERS + 2, "{stopped:?}");
    assert_eq!((stopped.spans_waiting, stopped.signals_waiting, stopped.metrics_waiting), (0, 0, 0));
    (flushed, stopped)
}

/// All collectors that do not take everything at once, one after the other.
fn check(serve: impl Fn(&str) -> (ExportReport, ExportReport)) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (flushed, down) = serve(&format!("http://{free}"));
    assert_eq!((flushed.spans_waiting, flushed.spans_lost), (ORDERS, 0), "a flush loses nothing");
    assert_eq!((down.spans_delivered, down.signals_delivered), (0, 0));
    assert!(down.metrics_lost > 0);

    let collector = Collector::start().unwrap();
    collector.set_mood(Mood::Hangs);
    let (_, hung) = serve(&collector.url());
    assert_eq!((hung.spans_delivered, hung.signals_delivered), (0, 0));
    assert!(hung.metrics_lost > 0);

    collector.set_mood(Mood::Slow(Duration::from_millis(700)));
    let (_, slow) = serve(&collector.url());
    assert_eq!((slow.spans_lost, slow.signals_lost, slow.metrics_lost), (0, 0, 0), "{slow:?}");
    assert!(slow.metrics_delivered > 0);
}

/// Scenario: `main` without a runtime; the collector is not there, hangs, or is slow.
/// Guarantees: the end comes within the deadline, and each span and signal is delivered or counted as lost.
#[test]
fn sync_main() {
    alone(|| check(serve));
}

/// Scenario: the same inside a current-thread runtime, which the end blocks.
/// Guarantees: the same.
#[test]
fn current_thread() {
    alone(|| {
        check(|url| {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async { serve(url) })
        });
    });
}

/// Scenario: the same inside a multi-thread runtime.
/// Guarantees: the same.
#[test]
fn multi_thread() {
    alone(|| {
        let runtime = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        check(|url| runtime().block_on(async { serve(url) }));
    });
}
