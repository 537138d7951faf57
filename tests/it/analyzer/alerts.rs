//! Alerts as a real Alertmanager holds them: once, with their labels, and over when they are over.

use journey_analyzer::config::Config;
use journey_testkit::env_url;
use serde_json::Value;
use tempfile::TempDir;

use super::{eventually, get_json, post, quick_definition, signals_from_now, start};

/// Scenario: a message is lost; the alert stands; the analyzer is restarted; the message comes after all.
/// Guarantees: Alertmanager holds one alert with the documented labels, a restart does not double or lose it, and
/// it resolves.
#[tokio::test]
async fn a_lost_message_reaches_alertmanager_and_resolves() {
    let Some(alertmanager) = env_url("JOURNEY_ALERTMANAGER_URL") else { return };
    let data = TempDir::new().unwrap();
    let order = format!("AM-{}", std::process::id());
    let config = Config {
        alertmanager: vec![alertmanager.clone()],
        definition: Some(quick_definition(&data)),
        environment: "test".to_owned(),
        ..Config::default()
    };
    let text = format!(
        "1ms mes-api/1 end price_request production.id=p-{order} took=0s
         2ms crm-api/1 end order_create order.id={order} production.id=p-{order} took=0s
         3ms mes-api/1 end price.load_model order.id={order} took=0s"
    );
    let daemon = start(config.clone(), data.path()).await;
    for signal in signals_from_now(&text) {
        post(&daemon, &signal).await;
    }
    let active = || alert(&alertmanager, &order);
    let found = eventually("the alert", active).await;
    assert_eq!(found["labels"]["alertname"], "OrderStuck");
    assert_eq!(found["labels"]["journey_stage"], "price.simplify_model");
    assert_eq!(found["labels"]["source"], "journey-analyzer");
    assert_eq!(found["labels"]["severity"], "warning");
    assert_eq!(found["annotations"]["waiting_for"], "price.simplify_model");
    assert_eq!(found["annotations"]["reason"], "not_started");
    daemon.stop().await;

    let daemon = start(config, data.path()).await;
    assert_eq!(get_json(&daemon, "/api/v1/findings").await.as_array().unwrap().len(), 1);
    for signal in signals_from_now(&format!("1s mes-api/1 end price.simplify_model order.id={order}")) {
        post(&daemon, &signal).await;
    }
    eventually("the alert resolves", || async { active().await.is_none().then_some(()) }).await;
    daemon.stop().await;
}

/// Scenario: an order id holds characters that no URL may hold.
/// Guarantees: its alert arrives, and so does that of the order beside it.
#[tokio::test]
async fn an_odd_order_id_stops_no_alert() {
    let Some(alertmanager) = env_url("JOURNEY_ALERTMANAGER_URL") else { return };
    let data = TempDir::new().unwrap();
    let config = Config {
        alertmanager: vec![alertmanager.clone()],
        definition: Some(quick_definition(&data)),
        ..Config::default()
    };
    let daemon = start(config, data.path()).await;
    let orders = [format!("50%off\u{7f}-{}", std::process::id()), format!("plain-{}", std::process::id())];
    for order in &orders {
        let line =
            format!("1ms mes-api/1 end price_request production.id=p-{order} order.id={order} took=0s");
        post(&daemon, &signals_from_now(&line)[0]).await;
    }
    for order in &orders {
        let found = eventually("the alert", || alert(&alertmanager, order)).await;
        assert_eq!(found["labels"]["journey_stage"], "order_create");
    }
    daemon.stop().await;
}

/// The one active alert of this order.
async fn alert(alertmanager: &str, order: &str) -> Option<Value> {
    let url = format!("{alertmanager}/api/v2/alerts?active=true");
    let mut alerts: Vec<Value> = reqwest::get(url).await.unwrap().json().await.unwrap();
    alerts.retain(|alert| alert["labels"]["order_id"] == order);
    assert!(alerts.len() <= 1, "{alerts:?}");
    alerts.into_iter().next()
}
