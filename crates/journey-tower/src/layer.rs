//! The layer: how to treat the edge it stands at.

use std::sync::Arc;

use tower_layer::Layer;

use crate::capture::{Capture, Credentials, REQUEST_PREFIX, RESPONSE_PREFIX};
use crate::origin::ForwardedBy;
use crate::service::Journey;

/// Wraps a service in one server span per request; see the [crate docs](crate) for an example.
///
/// Put it once around everything that answers requests. A second one further in makes no second span: it is found,
/// warned about once, and serves as a [`RouteLayer`](crate::RouteLayer).
///
/// Layers find each other by the thread that polls: behind a `tower::buffer`, or in a spawned task, a second one is a
/// layer of its own and no route is recorded; and a request that a handler sends into a router of its own process is
/// taken for the handler's, whose span it may name.
///
/// ```
/// use axum::{Router, routing::get};
/// use journey_tower::{ForwardedBy, JourneyLayer};
///
/// let layer = JourneyLayer::public()
///     .behind_proxy(ForwardedBy::XForwarded)
///     .capture_request_headers(["x-tenant"])
///     .capture_response_headers(["x-cache"]);
/// let app: Router = Router::new().route("/orders/{id}", get(|| async { "ready" })).layer(layer);
/// # let _ = app;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JourneyLayer {
    settings: Settings,
}

/// What is believed and shown of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    /// Callers are strangers.
    pub(crate) public: bool,
    /// The headers that a proxy of ours writes, if there is one.
    pub(crate) proxy: Option<ForwardedBy>,
    /// `None` if no header is captured, which then costs nothing.
    pub(crate) capture: Option<Arc<Capture>>,
}

impl JourneyLayer {
    /// A layer for callers inside the own network: continues their trace and believes their baggage.
    pub fn new() -> Self {
        Self::default()
    }

    /// A layer for the public edge: each request is a new trace that links to the caller's, and no baggage is read.
    pub fn public() -> Self {
        Self { settings: Settings { public: true, ..Settings::default() } }
    }

    /// Believes the last element of these headers: scheme, host, client address. The other family is not looked at.
    ///
    /// Default: none. Switch it on only if every request passes a proxy that writes each header of the family itself, or
    /// removes it: what the proxy lets through is the caller's word. nginx, for one, passes `Forwarded` and
    /// `X-Forwarded-Host` on as they came, unless it is told otherwise.
    #[must_use]
    pub fn behind_proxy(mut self, forwarded_by: ForwardedBy) -> Self {
        self.settings.proxy = Some(forwarded_by);
        self
    }

    /// Shows these request headers as `http.request.header.<name>`, each an array of its values.
    ///
    /// Default: none. At most [`CAPTURED_HEADERS_MAX`](crate::limits::CAPTURED_HEADERS_MAX) names, and of each the
    /// first [`CAPTURED_VALUES_MAX`](crate::limits::CAPTURED_VALUES_MAX) values of
    /// [`CAPTURED_VALUE_BYTES_MAX`](crate::limits::CAPTURED_VALUE_BYTES_MAX) bytes. A value that is marked as
    /// sensitive is `REDACTED`. `Authorization`, `Cookie`, `Proxy-Authorization`, `Set-Cookie` and what is no header
    /// name are left out, with a warning.
    #[must_use]
    pub fn capture_request_headers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.capture(|capture| capture.request.add(REQUEST_PREFIX, names, Credentials::Refused))
    }

    /// Shows these response headers as `http.response.header.<name>`, in the same way as
    /// [`capture_request_headers`](Self::capture_request_headers).
    #[must_use]
    pub fn capture_response_headers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.capture(|capture| capture.response.add(RESPONSE_PREFIX, names, Credentials::Refused))
    }

    /// Shows request headers, also those that carry credentials: whoever reads the traces can act as the caller.
    #[must_use]
    pub fn unsafe_capture_request_headers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.capture(|capture| capture.request.add(REQUEST_PREFIX, names, Credentials::Shown))
    }

    /// Shows response headers, also `Set-Cookie`: whoever reads the traces can act as the caller.
    #[must_use]
    pub fn unsafe_capture_response_headers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.capture(|capture| capture.response.add(RESPONSE_PREFIX, names, Credentials::Shown))
    }

    fn capture(mut self, change: impl FnOnce(&mut Capture)) -> Self {
        change(Arc::make_mut(self.settings.capture.get_or_insert_default()));
        self
    }
}

impl<S> Layer<S> for JourneyLayer {
    type Service = Journey<S>;

    fn layer(&self, inner: S) -> Journey<S> {
        Journey::new(inner, self.settings.clone())
    }
}
