//! The end by a signal.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use journey::stage;
use journey_testkit::collector::Collector;

use super::received::{signals, spans};

const SIGTERM: i32 = 15;

/// Runs the test of this name again, as a service that waits for its signal. `JOURNEY_TEST_COLLECTOR` is where it sends
/// to.
fn service(test: &str, collector: &Collector) -> std::process::Child {
    Command::new(std::env::current_exe().expect("this binary has a path"))
        .args([test, "--exact", "--nocapture"])
        .env(COLLECTOR, collector.url())
        .stdout(Stdio::null())
        .spawn()
        .expect("this binary runs again")
}

fn terminate(child: &std::process::Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
}

fn started(collector: &Collector) {
    let received =
        collector.wait(Duration::from_secs(30), |bodies| !signals(&spans(bodies), "start").is_empty());
    assert!(!received.is_empty(), "the service did not start");
}

fn builder() -> Option<journey::Builder> {
    let collector = std::env::var(COLLECTOR).ok()?;
    Some(journey::builder("crm-api").environment([("OTEL_EXPORTER_OTLP_ENDPOINT", collector)]))
}

/// Scenario: a service that does nothing about signals asks for `on_signals`, and gets SIGTERM in the middle of a stage.
/// Guarantees: its last word arrives, and it dies by the signal.
#[test]
fn a_signal_flushes_and_kills() {
    if let Some(builder) = builder() {
        let _journey = builder.on_signals(Duration::ZERO).init().unwrap();
        let _open = stage("price.final").start();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let collector = Collector::start().unwrap();
    let mut child = service("sdk::signals::a_signal_flushes_and_kills", &collector);
    started(&collector);
    terminate(&child);
    assert_eq!(child.wait().unwrap().signal(), Some(SIGTERM));
    let last = spans(&collector.bodies());
    assert!(last.iter().any(|one| one.get("journey.process.state") == "stopping"));
}

/// Scenario: a service ends by itself on the signal, after some work; it asks for `on_signals` with time for that.
/// Guarantees: the work is told to its end, and the service has its own exit code.
#[test]
fn a_drain_is_waited_for() {
    if let Some(builder) = builder() {
        let journey = builder.on_signals(Duration::from_secs(20)).init().unwrap();
        let open = stage("price.final").start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(journey::shutdown_signal());
        std::thread::sleep(Duration::from_millis(300));
        open.end();
        drop(journey);
        return;
    }
    let collector = Collector::start().unwrap();
    let mut child = service("sdk::signals::a_drain_is_waited_for", &collector);
    started(&collector);
    let began = Instant::now();
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10));
    let received = spans(&collector.bodies());
    assert_eq!(signals(&received, "end").len(), 1);
}

/// Scenario: a service that waits for its drain gets a second signal.
/// Guarantees: it dies at once.
#[test]
fn a_second_signal_is_final() {
    if let Some(builder) = builder() {
        let _journey = builder.on_signals(Duration::from_secs(60)).init().unwrap();
        let _open = stage("price.final").start();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let collector = Collector::start().unwrap();
    let mut child = service("sdk::signals::a_second_signal_is_final", &collector);
    started(&collector);
    let began = Instant::now();
    terminate(&child);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(child.try_wait().unwrap(), None, "it waits for the drain");
    terminate(&child);
    assert_eq!(child.wait().unwrap().signal(), Some(SIGTERM));
    assert!(began.elapsed() < Duration::from_secs(10));
}

const COLLECTOR: &str = "JOURNEY_TEST_COLLECTOR";
