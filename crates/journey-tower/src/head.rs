//! The head of a request, borrowed, so that nothing after it is generic over the body.

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri, Version};
use opentelemetry::propagation::Extractor;

/// What the layer may look at. The body is never touched.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
}

impl<'a> Head<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    /// First value of a header, if it is text.
    pub(crate) fn text(&self, name: HeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Last element of a comma list, over all lines of the header: the one the nearest proxy wrote.
    pub(crate) fn last_element(&self, name: &'static str) -> Option<&'a str> {
        let line = self.headers.get_all(name).iter().next_back()?.to_str().ok()?;
        let element = line.rsplit(',').next()?.trim();
        (!element.is_empty()).then_some(element)
    }
}

/// Reads the headers of a request.
pub(crate) struct HeaderCarrier<'a>(pub(crate) &'a HeaderMap);

impl<'a> HeaderCarrier<'a> {
    /// Each line of a header that is text.
    pub(crate) fn lines(&self, name: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }
}

impl Extractor for HeaderCarrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
