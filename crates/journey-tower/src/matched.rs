//! The route that axum's router matched.

#[cfg(feature = "axum")]
use axum::extract::MatchedPath;
use http::Extensions;

/// The router's match, when the layer stands inside the router.
#[cfg(feature = "axum")]
pub(crate) fn path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
pub(crate) fn path(_extensions: &Extensions) -> Option<&str> {
    None
}

/// Tells the route to the layer further out.
pub(crate) fn record(extensions: &Extensions) {
    if let Some(path) = path(extensions) {
        crate::edge::set_route(path);
    }
}
