//! Repeated attempts, and where they are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use http::Extensions;
use opentelemetry::trace::Status;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;

use super::support::{Work, attribute, builder, client, serve, vacant};
use crate::JourneyMiddleware;

/// A server that is ready at the third request, by its URL.
async fn late() -> String {
    let asked = Arc::new(AtomicU32::new(0));
    let ready = move || {
        let late = asked.fetch_add(1, Ordering::Relaxed) < 2;
        async move { if late { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK } }
    };
    format!("http://{}/", serve(Router::new().route("/", get(ready))).await)
}

fn retries() -> impl Middleware {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(2))
        .build_with_max_retries(2);
    RetryTransientMiddleware::new_with_policy(policy)
}

fn with(build: impl FnOnce(ClientBuilder) -> ClientBuilder) -> ClientWithMiddleware {
    build(ClientBuilder::new(builder().build().expect("a client without TLS can be built"))).build()
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

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn counted() -> [(Option<String>, Option<String>); 3] {
    [(None, text("503")), (text("1"), text("503")), (text("2"), None)]
}

/// Scenario: a retry middleware outside of ours, and a server that is ready at the third attempt.
/// Guarantees: three siblings, counted, each failure for itself.
#[tokio::test]
async fn retries_outside_are_counted() {
    let client = with(|client| client.with(retries()).with(JourneyMiddleware::new()));
    let work = Work::sampled();
    drop(work.run(client.get(late().await).send()).await.expect("the third attempt succeeds"));
    assert_eq!(attempts(&work), counted());
}

/// Scenario: a caller who repeats the request himself, in a scope, and then asks for something else.
/// Guarantees: three siblings, counted; what comes after the scope begins anew.
#[tokio::test]
async fn retries_by_hand_are_counted() {
    let (client, url, work) = (client(), late().await, Work::sampled());
    work.run(async {
        journey_trace::resends(async {
            while !client.get(&url).send().await.expect("the server answers").status().is_success() {}
        })
        .await;
        drop(client.get(&url).send().await);
    })
    .await;
    let seen = attempts(&work);
    assert_eq!(seen[..3], counted());
    assert_eq!(seen[3..], [(None, None)]);
}

/// Asks for a token before each request.
struct Tokens(String);

#[async_trait::async_trait]
impl Middleware for Tokens {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        drop(client().get(&self.0).send().await?);
        next.run(request, extensions).await
    }
}

/// Scenario: a request in a scope, inside of whose attempt another one is sent.
/// Guarantees: the inner one is no repeat of the outer.
#[tokio::test]
async fn inner_requests_are_no_repeats() {
    let address = serve(Router::new().fallback(|| async {})).await;
    let tokens = Tokens(format!("http://{address}/token"));
    let client = with(|client| client.with(JourneyMiddleware::new()).with(tokens));
    let work = Work::sampled();
    let request = client.get(format!("http://{address}/order"));
    let answer = work.run(async { journey_trace::resends(request.send()).await }).await;
    drop(answer.expect("the server answers"));
    let spans = work.spans();
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| attribute(span, "http.request.resend_count").is_none()));
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
}

/// Scenario: our middleware outside of the retry middleware: the wrong way round.
/// Guarantees: one span covers all attempts and has the outcome of the last; nothing is counted.
#[tokio::test]
async fn retries_inside_are_one_span() {
    let client = with(|client| client.with(JourneyMiddleware::new()).with(retries()));
    let work = Work::sampled();
    drop(work.run(client.get(late().await).send()).await.expect("the third attempt succeeds"));
    let span = work.span();
    assert_eq!(span.status, Status::Unset);
    assert_eq!(attribute(&span, "http.response.status_code"), text("200"));
    assert_eq!(attribute(&span, "http.request.resend_count"), None);
}

/// Scenario: nobody listens, and a retry middleware inside of ours wraps the error of the last attempt.
/// Guarantees: its class is found all the same.
#[tokio::test]
async fn wrapped_errors_are_classed() {
    let client = with(|client| client.with(JourneyMiddleware::new()).with(retries()));
    let work = Work::sampled();
    let url = format!("http://{}/", vacant().await);
    assert!(work.run(client.get(url).send()).await.is_err());
    assert_eq!(attribute(&work.span(), "error.type"), text("connect"));
}
