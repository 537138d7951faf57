//! Bodies by OTLP/HTTP: of foreign exporters, compressed, broken, partly wrong, and across restarts.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use journey_analyzer::config::Config;
use tempfile::TempDir;

use super::{get_json, post, signals_from_now, stages, start};

/// Scenario: an exporter of another language sends JSON without any signal, and one sends compressed protobuf.
/// Guarantees: both orders can be looked up, by order id and by cart id.
#[tokio::test]
async fn foreign_spans_are_stages() {
    let data = TempDir::new().unwrap();
    let daemon = start(Config::default(), data.path()).await;
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm-api"}}]},
        "scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"order",
        "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":[
        {"key":"order.id","value":{"stringValue":"ORD-J"}},{"key":"cart.id","value":{"stringValue":"c-7"}},
        {"key":"journey.stage.name","value":{"stringValue":"order_create"}}]}]}]}]}"#;
    let url = format!("http://{}/v1/traces", daemon.otlp_http);
    let client = reqwest::Client::new();
    let response =
        client.post(&url).header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (200, "{}".to_owned()));
    assert_eq!(stages(&daemon, "c-7", 1).await, ["order_create"]);

    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&signals_from_now("1s crm-api/1 end order_create order.id=ORD-Z")[0].to_otlp()).unwrap();
    let request = client.post(&url).header("content-encoding", "gzip").body(gzip.finish().unwrap());
    assert_eq!(request.send().await.unwrap().status(), 200);
    let story =
        client.get(format!("http://{}/api/v1/orders/ORD-Z", daemon.api)).header("accept", "text/plain");
    let text = story.send().await.unwrap().text().await.unwrap();
    assert!(text.starts_with("order ORD-Z: "), "{text}");
    daemon.stop().await;
}

/// Scenario: broken protobuf, broken JSON, an unknown content type, an unknown encoding, too large a body.
/// Guarantees: a status that fits, and a text that names what is wrong; nothing is stored.
#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let data = TempDir::new().unwrap();
    let daemon = start(Config::default(), data.path()).await;
    let url = format!("http://{}/v1/traces", daemon.otlp_http);
    let client = reqwest::Client::new();
    let large = vec![0; journey_analyzer::limits::BODY_BYTES_MAX + 1];
    let cases: [(&str, &str, Vec<u8>, u16, &str); 5] = [
        (
            "content-type",
            "application/x-protobuf",
            b"\x0a\x7f".to_vec(),
            400,
            "length past the end at byte 2",
        ),
        ("content-type", "application/json", b"{".to_vec(), 400, "line 1 column 1"),
        ("content-type", "text/plain", b"x".to_vec(), 415, "`text/plain` is not taken"),
        ("content-encoding", "br", b"x".to_vec(), 415, ""),
        ("content-type", "application/x-protobuf", large, 413, "more than 8388608 bytes"),
    ];
    for (name, value, body, status, text) in cases {
        let response = client.post(&url).header(name, value).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{name}: {value}");
        let answer = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        assert!(answer.contains(text), "{answer:?} does not say {text:?}");
    }
    assert_eq!(get_json(&daemon, "/api/v1/orders").await, serde_json::json!([]));
    daemon.stop().await;
}

/// Scenario: one span of two has no valid id.
/// Guarantees: the other is taken, and the answer says how many were not, and why.
#[tokio::test]
async fn a_broken_span_is_a_partial_success() {
    let data = TempDir::new().unwrap();
    let daemon = start(Config::default(), data.path()).await;
    let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","startTimeUnixNano":"1","endTimeUnixNano":"2",
         "attributes":[{"key":"order.id","value":{"stringValue":"P"}},{"key":"journey.stage.name","value":{"stringValue":"order_create"}}]},
        {"traceId":"00","spanId":"eee19b7ec3c1b175","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#;
    let url = format!("http://{}/v1/traces", daemon.otlp_http);
    let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
    let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert_eq!(answer["partialSuccess"]["errorMessage"], "invalid_trace_id: 1");
    daemon.stop().await;
}

/// Scenario: the daemon is stopped after each signal and started again on the same folder.
/// Guarantees: the story is whole, and a second daemon says what the first would have said.
#[tokio::test]
async fn a_restart_keeps_everything() {
    let data = TempDir::new().unwrap();
    let text = "1s shop-api/1 end model_upload cart.id=c1
        2s crm-api/1 end order_create order.id=R cart.id=c1
        3s mes-api/1 end price.load_model order.id=R";
    for signal in signals_from_now(text) {
        let daemon = start(Config::default(), data.path()).await;
        post(&daemon, &signal).await;
        daemon.stop().await;
    }
    let daemon = start(Config::default(), data.path()).await;
    assert_eq!(stages(&daemon, "R", 3).await, ["model_upload", "order_create", "price.load_model"]);
    daemon.stop().await;
}
