//! The end by a signal.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use journey::stage;
use journey_testkit::collector::{Collector, Mood};

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

/// Scenario: a service that waits for its drain gets a second signal; the collector works.
/// Guarantees: the last export begins at once, and the service dies.
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
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(spans(&collector.bodies()).iter().any(|one| one.get("journey.process.state") == "stopping"));
}

/// Scenario: the collector hangs while the last export runs, and a further signal comes.
/// Guarantees: the service dies at once. Once the thread for signals exported itself, and looked at no signal for five
/// seconds.
#[test]
fn a_signal_ends_the_last_export() {
    if let Some(builder) = builder() {
        let _journey = builder.on_signals(Duration::ZERO).init().unwrap();
        let _open = stage("price.final").start();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    assert!(kill("sdk::signals::a_signal_ends_the_last_export") >= 2);
}

/// Scenario: the same while the service's own guard drops, with time left: the second signal asks for the export that is
/// running already.
/// Guarantees: the third one kills. Once the thread for signals waited for the lock that the drop held.
#[test]
fn a_signal_ends_the_export_of_the_guard() {
    if let Some(builder) = builder() {
        let journey = builder.on_signals(Duration::from_secs(20)).init().unwrap();
        let _open = stage("price.final").start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(journey::shutdown_signal());
        drop(journey);
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    assert!(kill("sdk::signals::a_signal_ends_the_export_of_the_guard") >= 3);
}

/// Starts the service of a test, lets its collector hang, and gives it a signal every 300 ms until it dies, within 2 s.
/// Their number; on a slow machine two may become one before anybody looks.
fn kill(test: &str) -> u32 {
    let collector = Collector::start().unwrap();
    let mut child = service(test, &collector);
    started(&collector);
    collector.set_mood(Mood::Hangs);
    let began = Instant::now();
    let mut signals = 0;
    while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(2) {
        if began.elapsed() >= signals * Duration::from_millis(300) {
            terminate(&child);
            signals += 1;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Nothing if it is dead already.
    let _ = child.kill();
    assert_eq!(child.wait().unwrap().signal(), Some(SIGTERM), "it lived on after {signals} signals");
    signals
}

const COLLECTOR: &str = "JOURNEY_TEST_COLLECTOR";
