//! reqwest middleware: one client span per attempt, and propagation only to hosts that may know our ids.
//!
//! # Layout
//!
//! [`client`] puts [`JourneyMiddleware`] on a finished `reqwest::Client`; [`build`] takes a `ClientBuilder` and
//! follows redirects itself. [`UrlTemplate`] gives a request's span a better name:
//! `crm.get(url).with_extension(UrlTemplate("/orders/{id}"))`.
//!
//! # What is emitted
//!
//! One CLIENT span per attempt on the trace lane, after
//! [semantic conventions 1.44.0](https://opentelemetry.io/docs/specs/semconv/http/http-spans/):
//!
//! * name `{method}`, or `{method} {url.template}` with a [`UrlTemplate`]; an unknown method is `HTTP`;
//! * at the start `http.request.method` (`_OTHER` with `http.request.method_original`), `url.full` (userinfo and
//!   values of the query redacted, no fragment), `server.address`, `server.port`, and from the second attempt on
//!   `http.request.resend_count`;
//! * at the end `http.response.status_code`, `network.protocol.version`, `network.peer.*`, and the ids of the journey;
//! * `error.type`, with status Error: the code of a 4xx or 5xx, or `dns`, `connect`, `tls`, `timeout`, `body`, and
//!   `_OTHER` for all else. A request that its caller drops is no error.
//!
//! And, once metrics are asked for, `http.client.request.duration` and `http.client.active_requests`: one sample per
//! attempt, also if its span is not recorded. The sample has the status or `error.type` of the span, and neither if
//! the caller dropped the request before the response.
//!
//! Both span and sample include the response's body: they end when it was read, failed, or was dropped, and they have
//! the same length. A request whose trace is not sampled, and which is not measured, builds no attributes, and its
//! response is handed on as it is. No `tracing` subscriber is needed.
//!
//! `traceparent`, `tracestate` and `baggage` go to the hosts that [`journey_trace::may_propagate_to`] allows. On the
//! way to any other host these three headers are removed, whoever has set them.
//!
//! # Quick start
//!
//! ```
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let crm = journey_reqwest::build(reqwest::Client::builder())?;
//! let order = crm.get("http://crm-api:8080/orders/ORD-1").send().await?.text().await?;
//! # let _ = order;
//! # Ok(())
//! # }
//! ```
//!
//! # Redirects
//!
//! reqwest copies all headers of a request to wherever it is redirected, and no middleware sees it. So with
//! [`client`] a host of ours can send trace and ids on to a stranger. [`build`] has no such hole, and its redirects
//! are attempts with spans of their own; prefer it where a redirect may leave the own network.
//!
//! [`build`] follows redirects whatever policy its builder has. A client that must follow none, or only some, is made by
//! [`client`] from a finished `reqwest::Client`.
//!
//! # Retries
//!
//! Add the middleware after a retry middleware, so that each attempt passes it and is numbered:
//!
//! ```
//! # fn add<M: reqwest_middleware::Middleware>(retries: M) -> reqwest_middleware::ClientWithMiddleware {
//! reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
//!     .with(retries)
//!     .with(journey_reqwest::JourneyMiddleware::new())
//!     .build()
//! # }
//! ```
//!
//! The other way round one span covers all attempts and the waits between them, with the outcome of the last: from
//! outside nobody can tell one attempt from another.
//!
//! A loop around `send()` numbers its attempts with [`journey_trace::resends`]:
//!
//! ```
//! # async fn run(crm: &reqwest_middleware::ClientWithMiddleware) {
//! let polished = journey_trace::resends(async {
//!     for _ in 0..3 {
//!         if let Ok(order) = crm.get("http://crm-api/orders/ORD-1").send().await {
//!             return Some(order);
//!         }
//!     }
//!     None
//! })
//! .await;
//! # let _ = polished;
//! # }
//! ```

mod attempt;
mod body;
mod error_class;
mod headers;
mod middleware;
mod redirect;
mod repeats;
mod target;

#[cfg(test)]
mod tests;

pub use journey_trace::http::UrlTemplate;
pub use middleware::{JourneyMiddleware, build, client};
pub use redirect::{REDIRECTS_MAX, TooManyRedirects};
