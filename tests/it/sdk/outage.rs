//! Collectors that hang, refuse, or are not there.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use journey::opentelemetry::trace::SpanKind;
use journey::opentelemetry::{Context, KeyValue};
use journey::{SpanGuard, limits, stage};
use journey_testkit::collector::{Collector, Mood};

use super::alone::alone;
use super::received::{signals, spans};

fn start(url: String) -> journey::Guard {
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("JOURNEY_BEAT_INTERVAL", "100ms".into())];
    journey::builder("crm-api").environment(variables).init().expect("the variables are good")
}

fn work(orders: usize) {
    for number in 0..orders {
        SpanGuard::start("work", SpanKind::Server, vec![], vec![], &Context::new()).end();
        stage("order_create").key(journey::Key::Order, format!("ORD-{number}")).start().end();
    }
}

/// Scenario: no collector for a while, 2,048 spans and as many stages meanwhile; then one starts.
/// Guarantees: all of it arrives, no number is missing; one line says that none answers, one that one does.
#[test]
fn an_outage_loses_nothing() {
    let printed = alone(|| {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let journey = start(format!("http://{address}"));
        work(2048);
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(journey.report().signals_delivered, 0);
        let collector = Collector::start_at(address).unwrap();
        let report = journey.flush(Duration::from_secs(30));
        assert_eq!((report.signals_lost, report.spans_lost, report.spans_waiting), (0, 0, 0));
        drop(journey);
        let received = spans(&collector.bodies());
        let ends = signals(&received, "end");
        assert_eq!(ends.len(), 2048);
        assert_eq!(ends.last().unwrap().get("journey.seq"), "4096");
        assert_eq!(received.iter().filter(|one| one.span.name == "work").count(), 2048);
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("no collector takes our telemetry"), 1);
        assert_eq!(printed.lines_with("takes our telemetry again"), 1);
    }
}

/// Scenario: a relay without a broker answers 503 with `Retry-After`, then works.
/// Guarantees: nothing is lost, and it was left in peace meanwhile.
#[test]
fn retry_after_is_honoured() {
    alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Refuses { status: 503, retry_after_s: 2 });
        let journey = start(collector.url());
        work(1);
        std::thread::sleep(Duration::from_millis(1500));
        let asked = collector.requests();
        // The first of the lane and the first of the spans, each followed by a pause of 2 s.
        assert!((1..=2).contains(&asked), "{asked}");
        collector.set_mood(Mood::Fine);
        let report = journey.flush(Duration::from_secs(10));
        assert_eq!((report.signals_lost, report.spans_lost, report.spans_delivered), (0, 0, 1));
    });
}

/// Scenario: the collector takes connections and never answers; stages stay open for a while; then the guard drops.
/// Guarantees: beats go on and stay within their queue, the work is not delayed, the drop ends in time, and what is
/// lost is counted.
#[test]
fn a_black_hole_harms_nobody() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Hangs);
        let journey = start(collector.url());
        let open = stage("price.final").start();
        while journey.report().signals_waiting < 10 {
            std::thread::sleep(Duration::from_millis(10));
        }
        work(limits::SPAN_QUEUE_MAX + 1000);
        open.end();
        let report = journey.report();
        assert!(report.spans_lost > 0 && report.signals_lost > 0);
        let began = Instant::now();
        drop(journey);
        assert!(began.elapsed() < limits::SHUTDOWN_DEADLINE * 2);
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("journey: stopped; lost:"), 1);
    }
}

/// Scenario: batches of several bodies each are on their way to a collector that hangs until the deadline.
/// Guarantees: what was delivered and what was lost is what was sent, to the last span and signal.
#[test]
fn each_record_is_counted() {
    alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Hangs);
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
        let journey = journey::builder("crm-api").environment([endpoint]).init().unwrap();
        for _ in 0..300 {
            let large = KeyValue::new("large", "x".repeat(4_000));
            SpanGuard::start("work", SpanKind::Server, vec![large], vec![], &Context::new()).end();
            stage("status.packed.crm").status(None, "x".repeat(4_000)).start().end();
        }
        assert_eq!(journey.report().spans_waiting, 300);
        let report = journey.shutdown();
        assert_eq!(report.spans_delivered + report.spans_lost, 300);
        // Start and end of each stage, and two signals of the process.
        assert_eq!(report.signals_delivered + report.signals_lost, 602);
    });
}

/// Scenario: the guard goes while one stage is open for good, and another ends, and a third runs, while the last batch
/// waits for a collector that hangs.
/// Guarantees: the report and one line of the log say how many there were.
#[test]
fn what_comes_after_the_last_word_is_counted() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Hangs);
        let journey = start(collector.url());
        let (open, ending) = (stage("price.final").start(), stage("price.estimate").start());
        let late = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(1));
            ending.end();
            work(1);
        });
        drop(journey);
        late.join().unwrap();
        drop(open);
    });
    if let Some(printed) = printed {
        let line = "1 stages are still open, 3 starts or ends of stages came after the last word";
        assert_eq!(printed.lines_with(line), 1);
    }
}

/// Scenario: the collector refuses for good.
/// Guarantees: it is asked once per body, and what it refused is counted as lost.
#[test]
fn a_refusal_is_a_loss() {
    alone(|| {
        let collector = Collector::start().unwrap();
        collector.set_mood(Mood::Refuses { status: 400, retry_after_s: 0 });
        let journey = start(collector.url());
        work(10);
        let report = journey.shutdown();
        assert_eq!((report.spans_lost, report.spans_delivered, report.signals_delivered), (10, 0, 0));
        assert!(report.signals_lost >= 21, "{report:?}");
    });
}
