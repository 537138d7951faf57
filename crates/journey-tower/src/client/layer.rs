//! The layer: what it has to be told about the client it wraps.

use std::sync::Arc;

use http::Uri;
use tower_layer::Layer;

use super::error_class::{BoxedErrors, TypedErrors};
use super::service::JourneyClient;
use super::target::Origin;

/// Wraps a client in one span per attempt, and propagates trace and ids; see the [module docs](super) for an example.
///
/// Put it next to the transport: inside of retries, and inside of all that may change the host of a request.
#[derive(Debug, Clone, Default)]
pub struct JourneyClientLayer<C = TypedErrors> {
    origin: Option<Arc<Origin>>,
    errors: C,
}

impl JourneyClientLayer {
    /// A layer for a client whose error is an `std::error::Error`: of hyper-util, of tonic, `Infallible`.
    pub fn new() -> Self {
        Self::default()
    }
}

impl JourneyClientLayer<BoxedErrors> {
    /// A layer for a client whose error is a box, as behind `tower::timeout`, `tower::buffer` or `tower::balance`.
    pub fn boxed() -> Self {
        Self::default()
    }
}

impl<C> JourneyClientLayer<C> {
    /// The host of requests that name none, as a tonic client makes them. A URI without a host changes nothing.
    ///
    /// Default: the `Host` header of the request, if there is one. It is shown, and not believed: trace and ids leave
    /// only to a host that the URI or this says. A `Host` that came in with another request and is passed on would
    /// send them to wherever the connection leads.
    #[must_use]
    pub fn origin(self, uri: Uri) -> Self {
        Self { origin: Origin::of(&uri).map(Arc::new).or(self.origin), ..self }
    }

    /// Asks this for the word of an error, an [`ErrorClass`](super::ErrorClass) or a closure `Fn(&E) -> &'static str`.
    #[must_use]
    pub fn errors<D>(self, errors: D) -> JourneyClientLayer<D> {
        JourneyClientLayer { origin: self.origin, errors }
    }
}

impl<S, C: Clone> Layer<S> for JourneyClientLayer<C> {
    type Service = JourneyClient<S, C>;

    fn layer(&self, inner: S) -> JourneyClient<S, C> {
        JourneyClient::new(inner, self.origin.clone(), self.errors.clone())
    }
}
