//! The HTTP routes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::broker::Broker;
use super::message::{Message, messages};
use super::request::{self, Rejection};
use super::{Counters, Refusal, answer};
use crate::limits::REQUESTS_IN_FLIGHT_MAX;

pub(crate) fn router(broker: Broker, counters: Arc<Counters>) -> Router {
    let places = Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX));
    Router::new()
        .route("/v1/traces", post(export))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(App { broker, counters, places })
}

#[derive(Clone)]
struct App {
    broker: Broker,
    counters: Arc<Counters>,
    places: Arc<Semaphore>,
}

/// Why a request was not answered 200.
enum Failure {
    Refused(Refusal),
    Rejected(Rejection),
}

async fn export(State(app): State<App>, request: Request<Body>) -> Response {
    match app.take(request).await {
        Ok(()) => answer::taken(),
        Err(Failure::Refused(refusal)) => {
            app.counters.count_refused(refusal);
            refusal.into_response()
        }
        Err(Failure::Rejected(rejection)) => {
            app.counters.count_rejected();
            rejection.into_response()
        }
    }
}

impl App {
    async fn take(&self, request: Request<Body>) -> Result<(), Failure> {
        // The place is taken before the body is read: it is the body that costs memory.
        let place =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_| Failure::Refused(Refusal::Busy))?;
        let body = request::read(request).await.map_err(Failure::Rejected)?;
        let (spans, bytes) = (body.spans, body.bytes.len());
        let messages = messages(body.bytes).map_err(|error| Failure::Rejected(error.into()))?;
        let count = messages.len();
        self.publish(messages, place).await.map_err(Failure::Refused)?;
        self.counters.count_published(count, spans, bytes);
        Ok(())
    }

    /// A task of its own: a client that goes away would otherwise leave confirms behind that lapin keeps until the
    /// channel closes.
    async fn publish(&self, messages: Vec<Message>, place: OwnedSemaphorePermit) -> Result<(), Refusal> {
        let session = self.broker.session();
        let publishing = tokio::spawn(async move {
            let outcome = match session {
                Some(session) => session.publish(&messages).await,
                None => Err(Refusal::NotConnected),
            };
            drop(place);
            outcome
        });
        publishing.await.unwrap_or(Err(Refusal::ChannelFailed))
    }
}

async fn ready(State(app): State<App>) -> Response {
    match app.broker.session() {
        Some(session) if session.is_blocked() => not_ready(Refusal::Blocked),
        Some(_) => "ready\n".into_response(),
        None => not_ready(Refusal::NotConnected),
    }
}

fn not_ready(reason: Refusal) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.counters.render()).into_response()
}
