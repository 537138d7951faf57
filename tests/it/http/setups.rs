//! Ways to set a service up that go wrong elsewhere.

use axum::Router;
use axum::routing::get;
use journey::tower::JourneyLayer;
use tracing::Instrument;

use super::scene::{CALLER, ask, asked_by, play, serve};
use super::spans::is_child;
use crate::sdk::alone::{alone, alone_with};

async fn logging() -> &'static str {
    tracing::info!("told at info");
    tracing::warn!("told at warn");
    async { journey::set_order_id("ORD-1") }.instrument(tracing::info_span!("users own")).await;
    "logged"
}

/// Scenario: two of our layers, one in the other; three requests.
/// Guarantees: one span per request, named by the route, and one warning for all.
#[test]
fn two_layers() {
    let printed = alone(|| {
        let spans = play(&[], async |_| {
            let inner = Router::new().route("/orders", get(logging)).layer(JourneyLayer::new());
            let address = serve(inner.layer(JourneyLayer::new())).await;
            for _ in 0..3 {
                ask("GET", address, "/orders").send().await.unwrap();
            }
        });
        assert_eq!(spans.all("GET /orders").len(), 3);
    });
    if let Some(printed) = printed {
        assert_eq!(printed.lines_with("a JourneyLayer is inside another one"), 1);
    }
}

/// Scenario: routes and their layer are built before init.
/// Guarantees: their requests have spans all the same.
#[test]
fn a_layer_built_before_init() {
    alone(|| {
        let routes = Router::new().route("/orders", get(logging)).layer(JourneyLayer::new());
        let spans = play(&[], async |_| {
            ask("GET", serve(routes).await, "/orders").send().await.unwrap();
        });
        assert_eq!(spans.named("GET /orders").get("order.id"), "ORD-1");
    });
}

/// Scenario: `RUST_LOG=warn`.
/// Guarantees: the log has warnings only; spans, those of the user's too, and ids are all there.
#[test]
fn a_quiet_log() {
    let printed = alone_with(&[("RUST_LOG", "warn")], || {
        let spans = play(&[], async |_| {
            let routes = Router::new().route("/orders", get(logging)).layer(JourneyLayer::new());
            ask("GET", serve(routes).await, "/orders").send().await.unwrap();
        });
        assert_eq!(spans.named("GET /orders").get("order.id"), "ORD-1");
        assert!(is_child(spans.named("users own"), spans.named("GET /orders")));
    });
    if let Some(printed) = printed {
        assert_eq!((printed.lines_with("told at info"), printed.lines_with("told at warn")), (0, 1));
        assert_eq!(printed.lines_with("trace_id=4bf92f3577b34da6a3ce929d0e0e4736"), 1);
    }
}

/// Scenario: `OTEL_SDK_DISABLED=true` in a service between two others.
/// Guarantees: nothing is sent, and trace and ids go on.
#[test]
fn disabled() {
    alone(|| {
        let spans = play(&[("OTEL_SDK_DISABLED", "true")], async |_| {
            let told = async |headers: axum::http::HeaderMap| {
                ["traceparent", "baggage"].map(|name| headers[name].to_str().unwrap().to_owned()).join(" ")
            };
            let next = serve(Router::new().route("/told", get(told))).await;
            let client = journey::reqwest::build(reqwest::Client::builder()).unwrap();
            let pass_on = move || async move {
                journey::set_order_id("ORD-1");
                client.get(format!("http://{next}/told")).send().await.unwrap().text().await.unwrap()
            };
            let routes = Router::new().route("/orders", get(pass_on)).layer(JourneyLayer::new());
            let told = ask("GET", serve(routes).await, "/orders").send().await.unwrap().text().await.unwrap();
            assert_eq!(told, format!("{} order.id=ORD-1,user.id=u-1", CALLER));
        });
        assert!(spans.is_empty());
    });
}

/// Scenario: `JOURNEY_LOG_FORMAT=json`.
/// Guarantees: a line of a handler is one object with trace, span and the ids known by then.
#[test]
fn a_log_in_json() {
    let printed = alone(|| {
        play(&[("JOURNEY_LOG_FORMAT", "json")], async |_| {
            let known = async || {
                journey::set_order_id("ORD-1");
                tracing::info!("told at info");
            };
            let routes = Router::new().route("/orders", get(known)).layer(JourneyLayer::new());
            ask("GET", serve(routes).await, "/orders").send().await.unwrap();
        });
    });
    if let Some(printed) = printed {
        let [line] = printed.lines("told at info")[..] else { panic!("one line") };
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((&line["order.id"], &line["user.id"]), (&"ORD-1".into(), &"u-1".into()));
        assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
    }
}

/// Scenario: a health check, a route that a rule drops, one that it keeps, and a sampled caller of the dropped one.
/// Guarantees: head sampling knows route and method before the span starts; a caller's decision stands.
#[test]
fn sampling_rules() {
    alone(|| {
        let rules = [
            ("JOURNEY_SAMPLE", "GET /quiet/{id}=0, POST *=1"),
            ("OTEL_TRACES_SAMPLER", "parentbased_always_on"),
        ];
        let spans = play(&rules, async |_| {
            let answer = || async { "fine" };
            let routes = Router::new()
                .route("/healthz", get(answer))
                .route("/quiet/{id}", get(answer).post(answer))
                .layer(JourneyLayer::new());
            let address = serve(routes).await;
            for (method, path) in [("GET", "/healthz"), ("GET", "/quiet/1"), ("POST", "/quiet/2")] {
                asked_by("", method, address, path).send().await.unwrap();
            }
            asked_by(CALLER, "GET", address, "/quiet/3").send().await.unwrap();
        });
        assert_eq!(spans.names(), ["POST /quiet/{id}", "GET /quiet/{id}"]);
    });
}
