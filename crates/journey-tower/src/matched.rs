//! The route that axum's router matched.

#[cfg(feature = "axum")]
use axum::extract::MatchedPath;
use http::Extensions;
use journey_trace::http::Method;

use crate::route::RouteName;

/// The name the router's match gives to the span, when the layer stands inside the router.
#[cfg(feature = "axum")]
pub(crate) fn name(method: Method, extensions: &Extensions) -> Option<RouteName> {
    extensions.get::<MatchedPath>().map(|path| RouteName::of(method, path.as_str()))
}

/// Tells the route to the layer further out.
#[cfg(feature = "axum")]
pub(crate) fn record(extensions: &Extensions) {
    if let Some(path) = extensions.get::<MatchedPath>() {
        crate::edge::set_route(path.as_str());
    }
}

#[cfg(not(feature = "axum"))]
pub(crate) fn name(_method: Method, _extensions: &Extensions) -> Option<RouteName> {
    None
}

#[cfg(not(feature = "axum"))]
pub(crate) fn record(_extensions: &Extensions) {}
