//! A stage that becomes slower and fast again, from its spans to the alert in a real Alertmanager.

use std::path::PathBuf;

use journey_analyzer::config::Config;
use journey_analyzer::run::Daemon;
use journey_testkit::env_url;
use serde_json::Value;
use tempfile::TempDir;

use super::{eventually, get_json, signals_from_now, start};

const DEFINITION: &str = "version: 1
keys: { order.id: anchor }
order_by: start
defaults: { beat_interval: 1s, warm_up: 0 }
stages: { price: { service: mes-api } }
flow: price
facets: [material]
trends: { lateness: 1s, change: { calm: { spans: 30, time: 1s } } }
";

/// Scenario: a stage takes three times as long from one order on; the alert stands; the analyzer is restarted; the stage
/// is as fast as before.
/// Guarantees: Alertmanager holds one alert with the documented labels and is told when it is over; a restart neither
/// doubles nor ends it.
#[tokio::test]
async fn a_slow_stage_reaches_alertmanager_and_resolves() {
    let Some(alertmanager) = env_url("JOURNEY_ALERTMANAGER_URL") else { return };
    let data = TempDir::new().unwrap();
    let environment = format!("trends-{}", std::process::id());
    let config = Config {
        alertmanager: vec![alertmanager.clone()],
        definition: Some(definition(&data)),
        environment: environment.clone(),
        ..Config::default()
    };
    let daemon = start(config.clone(), data.path()).await;
    post_orders(&daemon, "first", 600, 300).await;
    let firing = || paged(&alertmanager, &environment);
    let found = eventually("the alert", firing).await;
    assert_eq!(found["labels"]["alertname"], "StageSlow");
    assert_eq!(found["labels"]["journey_stage"], "price");
    assert_eq!(found["labels"]["service"], "mes-api");
    assert_eq!(found["labels"]["source"], "journey-analyzer");
    for absent in ["order_id", "facet", "value", "from_stage", "rule"] {
        assert_eq!(found["labels"][absent], Value::Null, "{absent}");
    }
    assert_eq!(found["annotations"]["reason"], "slower");
    let summary = found["annotations"]["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("price has taken ") && summary.contains(" times as long since "),
        "{summary}"
    );
    let before = get_json(&daemon, "/api/v1/findings").await;
    assert_eq!(before.as_array().unwrap().len(), 1, "{before}");
    assert_eq!((&before[0]["alert"], &before[0]["severity"]), (&"StageSlow".into(), &"page".into()));
    daemon.stop().await;

    let daemon = start(config, data.path()).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(get_json(&daemon, "/api/v1/findings").await, before);
    post_orders(&daemon, "second", 400, 400).await;
    eventually("the alert resolves", || async { firing().await.is_none().then_some(()) }).await;
    assert_eq!(get_json(&daemon, "/api/v1/findings").await, serde_json::json!([]));
    daemon.stop().await;
}

fn definition(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("journeys.yaml");
    std::fs::write(&path, DEFINITION).unwrap();
    path
}

/// An order every ten milliseconds from now on; from one of them on they take three times as long.
async fn post_orders(daemon: &Daemon, name: &str, orders: u64, slow_from: u64) {
    let mut text = String::new();
    for order in 0..orders {
        let took_ms = (20 + order * 7_919 % 20) * if order < slow_from { 1 } else { 3 };
        text += &format!("{}ms mes-api/1 end price order.id={name}-{order} took={took_ms}ms\n", order * 10);
    }
    // Requests one after the other are one request.
    let body: Vec<u8> = signals_from_now(&text).iter().flat_map(|signal| signal.to_otlp()).collect();
    let url = format!("http://{}/v1/traces", daemon.otlp_http);
    let request = reqwest::Client::new().post(url).header("content-type", "application/x-protobuf");
    assert_eq!(request.body(body).send().await.unwrap().status(), 200);
}

/// The page of this environment.
async fn paged(alertmanager: &str, environment: &str) -> Option<Value> {
    let url = format!("{alertmanager}/api/v2/alerts?active=true");
    let mut alerts: Vec<Value> = reqwest::get(url).await.unwrap().json().await.unwrap();
    alerts.retain(|alert| {
        let labels = &alert["labels"];
        labels["environment"] == environment && labels["severity"] == "page"
    });
    assert!(alerts.len() <= 1, "{alerts:?}");
    alerts.into_iter().next()
}
