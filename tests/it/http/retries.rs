//! One request, several attempts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use journey::opentelemetry::Context;
use journey::opentelemetry::context::FutureExt;
use journey::reqwest::JourneyMiddleware;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;

use super::scene::{play, serve};
use super::spans::{Spans, is_error};
use crate::sdk::alone::alone;

/// Fails twice, then works, and wants `traceparent` each time.
async fn moody() -> SocketAddr {
    let asked = Arc::new(AtomicUsize::new(0));
    let answer = move |headers: HeaderMap| async move {
        assert!(headers.contains_key("traceparent"));
        match asked.fetch_add(1, SeqCst) {
            ..2 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    };
    serve(Router::new().route("/moody", get(answer))).await
}

fn retries() -> RetryTransientMiddleware<ExponentialBackoff> {
    let policy =
        ExponentialBackoff::builder().retry_bounds(Duration::from_millis(1), Duration::from_millis(2));
    RetryTransientMiddleware::new_with_policy(policy.build_with_max_retries(3))
}

fn client() -> ClientBuilder {
    ClientBuilder::new(reqwest::Client::new())
}

async fn succeed(client: &ClientWithMiddleware, address: SocketAddr) -> StatusCode {
    client.get(format!("http://{address}/moody")).send().await.unwrap().status()
}

/// Attempts as `status resend_count`.
fn attempts(spans: &Spans) -> Vec<String> {
    let words = |key: &&str| (*key).to_owned();
    let attempts = spans.all("GET").into_iter().map(|one| {
        let keys = ["http.response.status_code", "http.request.resend_count"];
        let found = keys.map(|key| one.get(key));
        assert_eq!(is_error(one), one.get("http.response.status_code") != "200");
        found.iter().filter(|value| !value.is_empty()).map(words).collect::<Vec<_>>().join(" ")
    });
    attempts.collect()
}

/// Scenario: a retry layer outside of ours.
/// Guarantees: one span per attempt, siblings, numbered from the second on.
#[test]
fn a_retry_layer_outside() {
    alone(|| {
        let spans = play(&[], async |_| {
            let client = client().with(retries()).with(JourneyMiddleware::new()).build();
            assert_eq!(succeed(&client, moody().await).await, 200);
        });
        assert_eq!(attempts(&spans), ["503", "503 1", "200 2"]);
    });
}

/// Scenario: a retry layer inside of ours, which sees one request only.
/// Guarantees: one span, with what became of it at last.
#[test]
fn a_retry_layer_inside() {
    alone(|| {
        let spans = play(&[], async |_| {
            let client = client().with(JourneyMiddleware::new()).with(retries()).build();
            assert_eq!(succeed(&client, moody().await).await, 200);
        });
        assert_eq!(attempts(&spans), ["200"]);
    });
}

/// Scenario: a loop by hand around the client, in the scope for that, and another one without it.
/// Guarantees: the first is numbered, the second is not.
#[test]
fn a_loop_by_hand() {
    alone(|| {
        let spans = play(&[], async |_| {
            let client = client().with(JourneyMiddleware::new()).build();
            let until_it_works = async |address| while succeed(&client, address).await != 200 {};
            journey::resends(until_it_works(moody().await)).with_context(Context::new()).await;
            until_it_works(moody().await).await;
        });
        assert_eq!(attempts(&spans), ["503", "503 1", "200 2", "503", "503", "200"]);
    });
}
