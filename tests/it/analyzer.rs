//! The analyzer as a whole: bytes in over each source, stories, rows and alerts out.

mod alerts;
mod otlp_http;
mod store;
mod stream;
mod trends;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use journey_analyzer::config::Config;
use journey_analyzer::run::Daemon;
use journey_testkit::scenario::{self, EPOCH_NS, Signal};
use tempfile::TempDir;

/// A daemon on free ports, and the folder of its rows.
async fn start(config: Config, data: &Path) -> Daemon {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Daemon::start(Config { api: any, otlp_grpc: any, otlp_http: any, ..config }, data).await.unwrap()
}

/// A definition with short limits, in a file of the folder.
fn quick_definition(folder: &TempDir) -> std::path::PathBuf {
    let text = journey_analyzer::SHIPPED_DEFINITION
        .replace("beat_interval: 15s", "beat_interval: 1s")
        .replace("start_within: 2m", "start_within: 2s")
        .replace("price_request: 2m", "price_request: 2s")
        .replace("progress_within: 2m", "progress_within: 2s")
        .replace("warm_up: 30d", "warm_up: 0");
    let path = folder.path().join("journeys.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// A scenario whose first second is now.
fn signals_from_now(text: &str) -> Vec<Signal> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut signals = scenario::signals(text);
    for signal in &mut signals {
        signal.span.start_ns += now - EPOCH_NS;
        signal.span.end_ns += now - EPOCH_NS;
    }
    signals
}

async fn post(daemon: &Daemon, signal: &Signal) {
    let url = format!("http://{}/v1/traces", daemon.otlp_http);
    let request = reqwest::Client::new().post(url).header("content-type", "application/x-protobuf");
    let response = request.body(signal.to_otlp()).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

async fn get_json(daemon: &Daemon, path: &str) -> serde_json::Value {
    let response = reqwest::get(format!("http://{}{path}", daemon.api)).await.unwrap();
    response.json().await.unwrap()
}

/// Asks until the answer pleases, for at most fifteen seconds.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    for _ in 0..150 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

/// The order's stages, once there are so many of them.
async fn stages(daemon: &Daemon, order: &str, at_least: usize) -> Vec<String> {
    eventually(&format!("{at_least} stages of {order}"), || async {
        let story = get_json(daemon, &format!("/api/v1/orders/{order}")).await;
        let stages = story["stages"].as_array()?;
        let names = stages.iter().map(|stage| stage["stage"].as_str().unwrap().to_owned());
        (stages.len() >= at_least).then(|| names.collect())
    })
    .await
}
