//! What does a client middleware cost a call?
//!
//! The call is the same for all: `GET http://crm-api:8080/orders/12345?full=1` by reqwest-middleware, answered without
//! a network by a middleware at the end, its body read to the end. The parent is the context of a request that the
//! caller of this service has sampled or not.

use async_trait::async_trait;
use http::Extensions;
use journey::reqwest::JourneyMiddleware;
use reqwest::{Client, Request, Response, ResponseBuilderExt, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use reqwest_tracing::{DefaultSpanBackend, SpanBackendWithUrl, TracingMiddleware};

use crate::case::{Case, Cases, poll_to_end};
use crate::older_peers::{self, OlderSdk};
use crate::ours::{Ours, remote_parent, telemetry};
use crate::peers::Telemetry;

/// Each middleware with each parent, by the name `client/{middleware}/{parent}`.
pub fn cases() -> Cases {
    let all = CLIENTS.iter().flat_map(|client| PARENTS.iter().map(move |parent| (client, parent)));
    all.map(|(&(name, set_up), &(parent, sampled))| {
        let case = move || set_up(sampled);
        (format!("client/{name}/{parent}"), Box::new(case) as Box<dyn FnOnce() -> Case>)
    })
    .collect()
}

const PARENTS: [(&str, bool); 2] = [("sampled", true), ("unsampled", false)];

/// A middleware's name, and how a service sets it up for a sampled parent or another.
type ClientCase = (&'static str, fn(bool) -> Case);

const CLIENTS: [ClientCase; 5] = [
    ("none", |_| Case::bare(calls(client()))),
    ("journey", |sampled| journey(telemetry(sampled, false))),
    ("journey_metrics", |sampled| journey(telemetry(sampled, true))),
    ("reqwest_tracing", |sampled| {
        let client = client().with(TracingMiddleware::<DefaultSpanBackend>::new());
        OlderSdk::start(sampled).case(older_peers::within_remote_parent(sampled, calls(client)))
    }),
    ("reqwest_tracing_url", |sampled| {
        let client = client().with(TracingMiddleware::<SpanBackendWithUrl>::new());
        OlderSdk::start(sampled).case(older_peers::within_remote_parent(sampled, calls(client)))
    }),
];

fn journey(telemetry: Telemetry) -> Case {
    let ours = Ours::start(telemetry);
    let mut calls = calls(client().with(JourneyMiddleware::new()));
    let parent = remote_parent(telemetry.spans == Some(1));
    ours.case(move || {
        let _attached = parent.clone().attach();
        calls();
    })
}

fn client() -> ClientBuilder {
    ClientBuilder::new(Client::new())
}

/// The operation: one call, its body read to the end.
fn calls(client: ClientBuilder) -> impl FnMut() + 'static {
    let client: ClientWithMiddleware = client.with(Answer).build();
    let url: Url = "http://crm-api:8080/orders/12345?full=1".parse().expect("it is an URL");
    move || {
        poll_to_end(async {
            let response = client.get(url.clone()).send().await.expect("the answer is there");
            assert_eq!(response.status(), 200);
            assert_eq!(response.bytes().await.expect("the body is in memory").len(), 8);
        });
    }
}

/// Answers instead of the network.
struct Answer;

#[async_trait]
impl Middleware for Answer {
    /// With its URL and with extensions, where hyper keeps the addresses of every real connection.
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        let answer = http::Response::builder().url(request.url().clone()).body("polished");
        Ok(answer.expect("all its parts are valid").into())
    }
}
