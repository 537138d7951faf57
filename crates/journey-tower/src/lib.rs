//! tower server layer: one OpenTelemetry span per request that knows the order it belongs to.
//!
//! # Layout
//!
//! [`JourneyLayer`] → [`Journey`] → [`ResponseFuture`] → [`ResponseBody`]: the span starts with the request's head
//! and ends with the last byte of the response. [`RouteLayer`] and [`set_route`] tell a layer outside the router
//! which route matched.
//!
//! # What is emitted
//!
//! One SERVER span per request on the trace lane, after
//! [semantic conventions 1.44.0](https://opentelemetry.io/docs/specs/semconv/http/http-spans/):
//!
//! * name `{method} {http.route}`, or `{method}` without a route; an unknown method is `HTTP`;
//! * at the start `http.request.method` (`_OTHER` with `http.request.method_original`), `url.scheme`, `url.path`,
//!   `url.query` (keys only), `server.address` and `server.port` of the `Host`,
//!   `client.address` and `network.peer.*` of axum's `ConnectInfo`, `network.protocol.version`,
//!   `user_agent.original`. No other header is captured;
//! * at the end `http.route`, `http.response.status_code`, `journey.http.outcome`, and the ids of the journey;
//! * `error.type`, with status Error: the code of a 5xx, `body_error`, `panic`, or `service_error` (the service gave an
//!   error instead of a response). A client that goes away is no error.
//!
//! `journey.http.outcome` is `completed`, `client_disconnected`, `body_error`, `panic` or `error`. A 101 ends the span
//! at its head: what runs over the connection afterwards is no part of the request. No metrics are emitted.
//!
//! The layer puts a fresh `JourneyCell` into the request's Context, filled from inbound `baggage` if the caller is
//! trusted. The Context is attached while future and body are polled, and only then. A request whose caller's trace
//! is not sampled builds no attributes.
//!
//! # Quick start
//!
//! ```
//! use axum::Router;
//! use axum::extract::Path;
//! use axum::routing::get;
//! use journey_tower::JourneyLayer;
//!
//! async fn order(Path(id): Path<String>) -> String {
//!     journey_trace::set_order_id(&id);
//!     format!("{id} is polished")
//! }
//!
//! let app: Router = Router::new().route("/orders/{id}", get(order)).layer(JourneyLayer::new());
//! # let _ = app;
//! ```
//!
//! # Customization
//!
//! [`JourneyLayer::public`] for callers that are strangers: a new trace with a link to theirs, and no baggage.
//! [`JourneyLayer::behind_proxy`] believes the nearest proxy's `Forwarded` or `X-Forwarded-*`.
//!
//! # Features
//!
//! * `axum`: route names by `MatchedPath`, client addresses by `ConnectInfo`, [`RouteLayer`]. Default: off.

mod attributes;
mod body;
mod edge;
mod exchange;
mod future;
mod head;
mod layer;
mod matched;
mod origin;
mod outcome;
mod recent;
mod route;
#[cfg(feature = "axum")]
mod route_layer;
mod service;

#[cfg(all(test, feature = "axum"))]
mod tests;

pub use body::ResponseBody;
pub use edge::set_route;
pub use future::ResponseFuture;
pub use layer::JourneyLayer;
#[cfg(feature = "axum")]
pub use route_layer::{RecordRoute, RouteLayer};
pub use service::{Journey, doubly_layered_requests};
