//! Numbers for the attempts of a retry layer.

use std::task::{Context, Poll};

use http::Request;
use journey_trace::http::with_resends;
use opentelemetry::Context as Cx;
use opentelemetry::context::{FutureExt as _, WithContext};
use tower_layer::Layer;
use tower_service::Service;

/// Numbers the attempts that a retry layer further in makes of one request: `http.request.resend_count`.
///
/// `tower::retry` clones a request before the layers inside of it see the first attempt, so nothing that they leave in
/// its extensions could reach the second. This layer counts in the Context, whatever the policy clones. A layer in
/// between that hands requests to another task, such as `tower::buffer`, cuts it off.
///
/// ```
/// use std::future::Ready;
///
/// use http::{Request, Response};
/// use journey_tower::client::{JourneyClientLayer, ResendLayer};
/// use tower::ServiceBuilder;
/// use tower::retry::Policy;
///
/// # fn build<P, S>(policy: P, transport: S) -> impl tower::Service<Request<String>>
/// # where
/// #     P: Policy<Request<String>, Response<journey_tower::client::ClientBody<String>>, S::Error> + Clone,
/// #     S: tower::Service<Request<String>, Response = Response<String>> + Clone,
/// #     S::Error: std::error::Error + 'static,
/// # {
/// ServiceBuilder::new()
///     .layer(ResendLayer::new())
///     .retry(policy)
///     .layer(JourneyClientLayer::new())
///     .service(transport)
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResendLayer;

impl ResendLayer {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for ResendLayer {
    type Service = CountResends<S>;

    fn layer(&self, inner: S) -> CountResends<S> {
        CountResends { inner }
    }
}

/// Service of [`ResendLayer`].
#[derive(Debug, Clone)]
pub struct CountResends<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for CountResends<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = WithContext<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inside = Cx::map_current(with_resends);
        // The first attempt may begin at once.
        let attached = inside.clone().attach();
        let future = self.inner.call(request);
        drop(attached);
        future.with_context(inside)
    }
}
