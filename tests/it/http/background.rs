//! Work that goes on after its request.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use journey::opentelemetry::Context;
use journey::opentelemetry::context::FutureExt;
use journey::opentelemetry::global;
use journey::opentelemetry::trace::{TraceContextExt, Tracer};
use journey::tower::JourneyLayer;
use tokio::time::sleep;
use tracing::Instrument;

use super::scene::{Scene, ask, play, serve};
use super::spans::duration;
use crate::sdk::alone::alone;

const LONG: Duration = Duration::from_millis(400);

/// Leaves a task behind that knows the request in one way or another.
async fn leave_behind(Path(how): Path<String>) -> &'static str {
    let has = |letter: char| how.contains(letter);
    if has('a') {
        tokio::spawn(sleep(LONG).instrument(tracing::info_span!("in the background")));
    }
    if has('b') {
        let child = global::tracer("users").start("direct child");
        tokio::spawn(sleep(LONG).with_context(Context::current_with_span(child)));
    }
    if has('c') {
        let context = Context::current();
        tokio::spawn(async move {
            sleep(LONG).await;
            drop(context);
        });
    }
    journey::spawn(sleep(LONG));
    "off they go"
}

/// Scenario: handlers that leave tasks of 400 ms behind: with a tracing child, a direct child, a clone of the Context,
/// all of them.
/// Guarantees: each request is exported as soon as it is answered, with its own duration.
#[test]
fn no_task_keeps_a_request_open() {
    alone(|| {
        play(&[], async |scene: &Scene| {
            let routes = Router::new().route("/{how}", get(leave_behind)).route_layer(JourneyLayer::new());
            let address = serve(routes).await;
            for (before, how) in ["a", "b", "c", "abc"].into_iter().enumerate() {
                let began = std::time::Instant::now();
                ask("GET", address, &format!("/{how}")).send().await.unwrap().bytes().await.unwrap();
                let (requests, longest) = loop {
                    let spans = scene.arrived();
                    let requests = spans.all("GET /{how}");
                    if requests.len() > before {
                        break (requests.len(), requests.into_iter().map(duration).max().unwrap());
                    }
                    sleep(Duration::from_millis(5)).await;
                };
                assert_eq!(requests, before + 1);
                assert!(began.elapsed() < LONG && longest < LONG, "{how}: {:?} {longest:?}", began.elapsed());
            }
        });
    });
}
