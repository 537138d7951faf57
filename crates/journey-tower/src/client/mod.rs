//! tower client layer: one client span per attempt, and propagation only to hosts that may know our ids.
//!
//! For whatever is a `Service<http::Request<B>>` and talks to a server: hyper-util's client, a tonic channel, a pool,
//! a load balancer. reqwest has a middleware of its own, `journey-reqwest`.
//!
//! # Layout
//!
//! [`JourneyClientLayer`] → [`JourneyClient`] → [`ClientFuture`] → [`ClientBody`]: the attempt starts with the request
//! and ends with the last byte of the response. [`ErrorClass`] gives the errors of the inner service their word.
//! [`ResendLayer`], outside of a retry layer, numbers the attempts. [`UrlTemplate`] gives a request's span a better
//! name.
//!
//! # What is emitted
//!
//! One CLIENT span per attempt on the trace lane, after
//! [semantic conventions 1.44.0](https://opentelemetry.io/docs/specs/semconv/http/http-spans/):
//!
//! * name `{method}`, or `{method} {url.template}` with a [`UrlTemplate`]; an unknown method is `HTTP`;
//! * at the start `http.request.method` (`_OTHER` with `http.request.method_original`), `url.full` (userinfo and
//!   values of the query redacted), `server.address`, `server.port`, and from the second attempt on
//!   `http.request.resend_count`;
//! * at the end `http.response.status_code`, `network.protocol.version`, and the ids of the journey;
//! * `error.type`, with status Error: the code of a 4xx or 5xx, or `dns`, `connect`, `tls`, `timeout`, `body`, and
//!   `_OTHER` for all else. A request that its caller drops is no error. A `grpc-status` is no matter of HTTP.
//!
//! And, once metrics are asked for, `http.client.request.duration` and `http.client.active_requests`: one sample per
//! attempt, also if its span is not recorded. The sample has the status or `error.type` of the span, and neither if
//! the caller dropped the request before the response. Both span and sample include the body: they end when it was
//! read, failed, or was dropped, and they have the same length.
//!
//! `traceparent`, `tracestate` and `baggage` go to the hosts that [`journey_trace::may_propagate_to`] allows. On the
//! way to any other host these three headers are removed, whoever has set them. So they are if only a `Host` header says
//! where a request goes ([`JourneyClientLayer::origin`]).
//!
//! # Quick start
//!
//! ```
//! use http::{Request, Response};
//! use journey_tower::client::{JourneyClientLayer, UrlTemplate};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // In its place: `hyper_util::client::legacy::Client`.
//! let transport = service_fn(|_request: Request<String>| async {
//!     Ok::<_, std::io::Error>(Response::new("polished".to_owned()))
//! });
//! let crm = ServiceBuilder::new().layer(JourneyClientLayer::new()).service(transport);
//!
//! let mut request = Request::get("http://crm-api:8080/orders/ORD-1").body(String::new()).unwrap();
//! request.extensions_mut().insert(UrlTemplate("/orders/{id}"));
//! assert!(crm.oneshot(request).await.unwrap().status().is_success());
//! # });
//! ```
//!
//! # tonic
//!
//! The requests of a tonic client name no host, so the layer has to be told which it is:
//! `JourneyClientLayer::new().origin("http://mes-api:50051".parse()?)` around the `Channel`. Without it the span has no
//! `server.address`, nothing is measured, and no header is written, because nobody knows where it would go.
//!
//! # Retries
//!
//! Put the layer inside of `tower::retry`, so that each attempt is a span of its own, and [`ResendLayer`] outside, so
//! that they are numbered. Outside of a retry layer one span covers all attempts and the waits between them, with the
//! outcome of the last.

mod body;
mod error_class;
mod future;
mod headers;
mod layer;
mod resend;
mod service;
mod target;

pub use body::ClientBody;
pub use error_class::{BoxedErrors, ErrorClass, TypedErrors};
pub use future::ClientFuture;
pub use journey_trace::http::UrlTemplate;
pub use layer::JourneyClientLayer;
pub use resend::{CountResends, ResendLayer};
pub use service::JourneyClient;
