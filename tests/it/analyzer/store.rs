//! A store that another process holds, beside a daemon that goes on.

use std::time::Duration;

use journey_analyzer::config::Config;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::{get_json, post, signals_from_now, stages, start};

/// Scenario: another process holds the store for longer than SQLite waits, while an order goes on and a finding that
/// needs no waiting is due.
/// Guarantees: the request is answered when its span is durable, the engine is rebuilt, nothing is lost or doubled.
#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let data = TempDir::new().unwrap();
    let daemon = start(Config::default(), data.path()).await;
    let signals = signals_from_now(
        "1ms mes-api/1 end price_request production.id=p1 took=0s
         2ms mes-api/1 end status.polishing.mes production.id=p1 took=0s
         3ms mes-api/1 end status.in_production.mes production.id=p1 took=0s",
    );
    post(&daemon, &signals[0]).await;

    let options = SqliteConnectOptions::new().filename(data.path().join("journey.sqlite"));
    let mut other = options.connect().await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    let release = async {
        tokio::time::sleep(HELD_FOR).await;
        sqlx::query("rollback").execute(&mut other).await.unwrap();
    };
    tokio::join!(post(&daemon, &signals[1]), release);
    post(&daemon, &signals[2]).await;

    assert_eq!(stages(&daemon, "p1", 3).await.len(), 3);
    let findings = get_json(&daemon, "/api/v1/findings?all=true").await;
    let alerts: Vec<&str> =
        findings.as_array().unwrap().iter().map(|finding| finding["alert"].as_str().unwrap()).collect();
    assert_eq!(alerts, Vec::<&str>::new(), "within the warm-up nothing is held against the order");
    let metrics = reqwest::get(format!("http://{}/metrics", daemon.api)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("journey_analyzer_commit_failures_total"), "{metrics}");
    daemon.stop().await;
}

/// SQLite waits five seconds for a lock, and the sender ten for its answer.
const HELD_FOR: Duration = Duration::from_secs(6);
