//! Repeated attempts, and where they are counted.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing;
use http::{Request, Response};
use journey_tower::JourneyClientLayer;
use journey_tower::client::ResendLayer;
use opentelemetry::trace::Status;
use tower::retry::Policy;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};

use super::support::{Body, Work, attribute, get, serve, transport};

/// A server that is ready at the third request, by its URL.
async fn late() -> String {
    let asked = Arc::new(AtomicU32::new(0));
    let ready = move || {
        let late = asked.fetch_add(1, Ordering::Relaxed) < 2;
        async move { if late { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK } }
    };
    format!("http://{}/", serve(Router::new().route("/", routing::get(ready))).await)
}

/// Asks until the answer is no 503; what it sends again has the URL only, as many policies do it.
#[derive(Clone)]
struct UntilReady;

impl<B, E> Policy<Request<Body>, Response<B>, E> for UntilReady {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _request: &mut Request<Body>,
        result: &mut Result<Response<B>, E>,
    ) -> Option<Ready<()>> {
        let status = result.as_ref().ok()?.status();
        (status == StatusCode::SERVICE_UNAVAILABLE).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        Some(get(request.uri().to_string()))
    }
}

/// Number and error of each attempt.
fn attempts(work: &Work) -> Vec<(Option<String>, Option<String>)> {
    let spans = work.spans();
    assert!(spans.iter().all(|span| span.parent_span_id == spans[0].parent_span_id), "attempts are siblings");
    spans
        .iter()
        .map(|span| (attribute(span, "http.request.resend_count"), attribute(span, "error.type")))
        .collect()
}

fn counted() -> [(Option<String>, Option<String>); 3] {
    let text = |text: &str| Some(text.to_owned());
    [(None, text("503")), (text("1"), text("503")), (text("2"), None)]
}

/// Scenario: a retry layer outside of ours, and the counting layer outside of both.
/// Guarantees: three siblings, counted, each failure for itself; the next request begins anew.
#[tokio::test]
async fn retries_outside_are_counted() {
    let client = ServiceBuilder::new()
        .layer(ResendLayer::new())
        .retry(UntilReady)
        .layer(JourneyClientLayer::new())
        .service(transport());
    for _ in 0..2 {
        let (url, work) = (late().await, Work::sampled());
        drop(work.run(client.clone().oneshot(get(url))).await.expect("the third attempt succeeds"));
        assert_eq!(attempts(&work), counted());
    }
}

/// Scenario: the same without the counting layer.
/// Guarantees: three siblings without numbers: nothing that the attempts share passes through the layer.
#[tokio::test]
async fn without_the_counting_layer_nothing_is_counted() {
    let client =
        ServiceBuilder::new().retry(UntilReady).layer(JourneyClientLayer::new()).service(transport());
    let (url, work) = (late().await, Work::sampled());
    drop(work.run(client.oneshot(get(url))).await.expect("the third attempt succeeds"));
    let numbers: Vec<_> = attempts(&work).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [None, None, None]);
}

/// Scenario: a caller who repeats the request himself, in a scope.
/// Guarantees: three siblings, counted.
#[tokio::test]
async fn retries_by_hand_are_counted() {
    let (url, work) = (late().await, Work::sampled());
    let client = JourneyClientLayer::new().layer(transport());
    let send = async || client.clone().oneshot(get(&url)).await.expect("the server answers");
    work.run(async {
        journey_trace::resends(async { while !send().await.status().is_success() {} }).await;
    })
    .await;
    assert_eq!(attempts(&work), counted());
}

/// Scenario: our layer outside of the retry layer: the wrong way round.
/// Guarantees: one span covers all attempts and has the outcome of the last; nothing is counted.
#[tokio::test]
async fn retries_inside_are_one_span() {
    let client =
        ServiceBuilder::new().layer(JourneyClientLayer::new()).retry(UntilReady).service(transport());
    let (url, work) = (late().await, Work::sampled());
    drop(work.run(client.oneshot(get(url))).await.expect("the third attempt succeeds"));
    assert_eq!(work.span().status, Status::Unset);
    assert_eq!(attribute(&work.span(), "http.request.resend_count"), None);
}
