//! The route recorder: tells an outer [`JourneyLayer`](crate::JourneyLayer) which route matched.

use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::matched;

/// Records axum's `MatchedPath` for a [`JourneyLayer`](crate::JourneyLayer) that stands outside the router.
///
/// Only needed there: `Router::layer(JourneyLayer::new())` knows the route anyway. Standing outside, the layer also
/// sees requests that an outer middleware rejects or times out, and still names those that reached a route.
///
/// ```
/// use axum::{Router, routing::get};
/// use journey_tower::{JourneyLayer, RouteLayer};
/// use tower::ServiceBuilder;
///
/// let router: Router = Router::new()
///     .route("/orders/{id}", get(|| async { "ready" }))
///     .route_layer(RouteLayer::new());
/// let service = ServiceBuilder::new().layer(JourneyLayer::new()).service(router);
/// # let _ = service;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteLayer;

impl RouteLayer {
    /// A recorder; it has no settings.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for RouteLayer {
    type Service = RecordRoute<S>;

    fn layer(&self, inner: S) -> RecordRoute<S> {
        RecordRoute { inner }
    }
}

/// Service of [`RouteLayer`].
#[derive(Debug, Clone)]
pub struct RecordRoute<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for RecordRoute<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        matched::record(request.extensions());
        self.inner.call(request)
    }
}
