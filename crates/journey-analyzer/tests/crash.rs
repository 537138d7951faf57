//! The program itself under `kill -9`. It stands here because only its own package's tests are given the binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use journey_testkit::scenario::{self, EPOCH_NS};
use serde_json::Value;
use tempfile::TempDir;

/// The program, killed when it is dropped.
struct Analyzer {
    child: Child,
    api: String,
    otlp: String,
}

impl Analyzer {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_journey-analyzer"))
            .arg("run")
            .arg("--data")
            .arg(data)
            .env_remove("JOURNEY_AMQP_URL")
            .env_remove("JOURNEY_ALERTMANAGER_URL")
            .env("JOURNEY_API", "127.0.0.1:0")
            .env("JOURNEY_OTLP_GRPC", "127.0.0.1:0")
            .env("JOURNEY_OTLP_HTTP", "127.0.0.1:0")
            .env("JOURNEY_DEFINITION", data.join("journeys.yaml"))
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let says = lines.find(|line| line.contains("OTLP/HTTP on ")).expect("it says where it listens");
        // Somebody must read on, or it would block when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let after = |word: &str| {
            let (_, rest) = says.split_once(word).unwrap();
            rest.split([',', ' ']).next().unwrap().trim().to_owned()
        };
        Self { child, api: after("API on "), otlp: after("OTLP/HTTP on ") }
    }

    async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.api)).await.unwrap().json().await.unwrap()
    }
}

impl Drop for Analyzer {
    /// `kill -9`.
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Scenario: orders go on while the program is killed by SIGKILL again and again in the midst of requests; each sender
/// repeats what was not answered, as exporters do.
/// Guarantees: what was answered 200 is there after the next start, every stage once; the one order in a wrong order
/// has one finding, the others none.
#[tokio::test]
async fn kill_9_loses_and_doubles_nothing() {
    let data = TempDir::new().unwrap();
    let text = journey_analyzer::SHIPPED_DEFINITION.replace("warm_up: 30d", "warm_up: 0");
    std::fs::write(data.path().join("journeys.yaml"), text).unwrap();
    let bodies = bodies();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();

    let mut next = 0;
    for life in 0..KILLS {
        let analyzer = Analyzer::start(data.path());
        let until = if life + 1 == KILLS { bodies.len() } else { bodies.len() * (life + 1) / KILLS };
        while next < until {
            let request = client.post(format!("{}/v1/traces", analyzer.otlp)).body(bodies[next].clone());
            assert_eq!(request.send().await.unwrap().status(), 200);
            next += 1;
        }
        // One more is under way when it dies: its fate is unknown, so the next life gets it again.
        let last = bodies[next.min(bodies.len() - 1)].clone();
        let request = client.post(format!("{}/v1/traces", analyzer.otlp)).body(last);
        let in_flight = tokio::spawn(request.send());
        tokio::time::sleep(Duration::from_millis(7 * life as u64)).await;
        drop(analyzer);
        let _ = in_flight.await.unwrap();
    }

    let analyzer = Analyzer::start(data.path());
    for order in 0..ORDERS {
        let story = analyzer.get(&format!("/api/v1/orders/K{order}")).await;
        assert_eq!(story["stages"].as_array().unwrap().len(), STAGES, "{story}");
    }
    let findings = analyzer.get("/api/v1/findings?all=true").await;
    let found: Vec<(&str, &str)> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["alert"].as_str().unwrap(), finding["order"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("OrderViolation", "K0")]);
}

/// One body a stage: orders on their way to production, the first with two statuses in a wrong order.
fn bodies() -> Vec<Vec<u8>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let stages = [
        "price_request",
        "order_create",
        "price.load_model",
        "price.simplify_model",
        "price.estimate",
        "price.final",
        "price_form",
        "price_accept",
    ];
    let mut text = String::new();
    for order in 0..ORDERS {
        let statuses = ["status.in_production.mes", "status.polishing.mes"];
        let (one, other) = if order == 0 { (statuses[1], statuses[0]) } else { (statuses[0], statuses[1]) };
        let all = stages.into_iter().chain(["production_take", one, other]);
        for (at, stage) in all.enumerate() {
            text += &format!("{}ms x-api/1 end {stage} order.id=K{order} took=0s\n", at + 1);
        }
    }
    scenario::signals(&text)
        .into_iter()
        .map(|mut signal| {
            signal.span.start_ns += now - EPOCH_NS;
            signal.span.end_ns += now - EPOCH_NS;
            signal.to_otlp()
        })
        .collect()
}

const KILLS: usize = 8;
const ORDERS: usize = 6;
const STAGES: usize = 11;
