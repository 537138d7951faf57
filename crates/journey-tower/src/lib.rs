//! tower server layer: one OpenTelemetry span per request that knows the order it belongs to.
//!
//! # Layout
//!
//! [`JourneyLayer`] → [`Journey`] → [`ResponseFuture`] → [`ResponseBody`]: the span starts with the request's head
//! and ends with the last byte of the response. [`RouteLayer`] and [`set_route`] tell a layer outside the router
//! which route matched. [`connection`] and [`connected`] follow what goes on over a connection after its upgrade.
//! [`client`] has the layer for the other end.
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
//!   `user_agent.original`, and the headers of an allow list, which is empty. Texts are cut off by [`limits`];
//! * at the end `http.route`, `http.response.status_code`, `journey.http.time_to_head` (seconds),
//!   `journey.http.streamed` if the response was a stream ([`Streamed`]), `journey.http.outcome`, and the ids of the
//!   journey;
//! * `error.type`, with status Error: the code of a 5xx, `body_error`, `panic`, `service_error` (the service gave an
//!   error instead of a response), or a `grpc-status` that blames the server, such as `INTERNAL`. A client that goes
//!   away is no error, and neither is a 4xx.
//!
//! And, once metrics are asked for, two metrics of every request, traced or not:
//!
//! * `http.server.request.duration`, a histogram in seconds: exactly the span's length, by `http.request.method`,
//!   `url.scheme`, `http.route`, `http.response.status_code`, `error.type`, `network.protocol.version` and
//!   `journey.http.streamed`, which are the span's;
//! * `http.server.active_requests`, by `http.request.method` and `url.scheme`.
//!
//! | `journey.http.outcome` | the request |
//! |---|---|
//! | `completed` | was answered to the last byte. Also if a server did not have to read all of it: HEAD, 204, 304, and the announced length was reached |
//! | `timeout` | was answered to the last byte, with 408 or 504 or gRPC's `DEADLINE_EXCEEDED` |
//! | `client_disconnected` | was dropped before, by a client that went away. A deadline *outside* of this layer drops it too, so put such a layer inside |
//! | `body_error` | began to be answered, then its body failed |
//! | `error` | was answered with an error instead of a response |
//! | `panic` | panicked, in the handler or in the body. A layer inside that catches it makes it a plain 500 |
//!
//! A 101 ends the span at its head: what runs over the connection afterwards is no part of the request.
//!
//! gRPC works as any other HTTP: a call is named after its path, `/package.Service/Method`, once the service has
//! answered this method, because paths that nobody has would be names without end.
//!
//! The layer puts a fresh `JourneyCell` into the request's Context, filled from inbound `baggage` if the caller is
//! trusted. The Context is attached while future and body are polled, and only then. A request that will not be
//! recorded, by its caller's decision or by the sampling rules, builds no attributes.
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
//! [`JourneyLayer::behind_proxy`] believes the nearest proxy's headers, of one family ([`ForwardedBy`]).
//! [`JourneyLayer::capture_request_headers`] and [`JourneyLayer::capture_response_headers`] show headers.
//!
//! # Features
//!
//! * `axum`: route names by `MatchedPath`, client addresses by `ConnectInfo`, [`RouteLayer`]. Default: off.

mod attributes;
mod body;
mod capture;
pub mod client;
mod connection;
mod edge;
mod exchange;
mod future;
mod grpc;
mod head;
mod layer;
pub mod limits;
mod matched;
mod origin;
mod outcome;
mod recent;
mod route;
#[cfg(feature = "axum")]
mod route_layer;
mod service;
mod start;
mod streamed;

#[cfg(all(test, feature = "axum"))]
mod tests;

pub use body::ResponseBody;
pub use client::JourneyClientLayer;
pub use connection::{Connection, connected, connection};
pub use edge::set_route;
pub use future::ResponseFuture;
pub use layer::JourneyLayer;
pub use origin::ForwardedBy;
#[cfg(feature = "axum")]
pub use route_layer::{RecordRoute, RouteLayer};
pub use service::{Journey, doubly_layered_requests};
pub use streamed::Streamed;
