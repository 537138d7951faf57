//! The layer: how to treat the edge it stands at.

use tower_layer::Layer;

use crate::service::Journey;

/// Wraps a service in one server span per request; see the [crate docs](crate) for an example.
///
/// Put it once around everything that answers requests. A second one further in makes no second span: it is found,
/// warned about once, and serves as a [`RouteLayer`](crate::RouteLayer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JourneyLayer {
    edge: Edge,
}

/// What is believed of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Edge {
    /// Callers are strangers.
    pub(crate) public: bool,
    /// `Forwarded` and `X-Forwarded-*` are written by a proxy of ours.
    pub(crate) behind_proxy: bool,
}

impl JourneyLayer {
    /// A layer for callers inside the own network: continues their trace and believes their baggage.
    pub fn new() -> Self {
        Self::default()
    }

    /// A layer for the public edge: each request is a new trace that links to the caller's, and no baggage is read.
    pub fn public() -> Self {
        Self { edge: Edge { public: true, behind_proxy: false } }
    }

    /// Believes the last element of `Forwarded` or `X-Forwarded-{Proto,Host,For}`: scheme, host, client address.
    ///
    /// Default: off. Switch it on only if every request passes a proxy that writes these headers itself, because a
    /// caller can write them too.
    #[must_use]
    pub fn behind_proxy(self) -> Self {
        Self { edge: Edge { behind_proxy: true, ..self.edge } }
    }
}

impl<S> Layer<S> for JourneyLayer {
    type Service = Journey<S>;

    fn layer(&self, inner: S) -> Journey<S> {
        Journey::new(inner, self.edge)
    }
}
