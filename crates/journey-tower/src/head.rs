//! The head of a request, borrowed, so that nothing after it is generic over the body.

use std::str;

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use journey_trace::propagation::{BAGGAGE, TRACEPARENT, TRACESTATE};
use opentelemetry::propagation::Extractor;

/// What the layer may look at. The body is never touched.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) known: KnownHeaders<'a>,
    pub(crate) extensions: &'a Extensions,
}

impl<'a> Head<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            known: KnownHeaders::of(request.headers()),
            extensions: request.extensions(),
        }
    }

    /// Each line of `baggage` that is text.
    pub(crate) fn baggage(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let lines = self.known.baggage.map(|_| self.headers.get_all(BAGGAGE).iter());
        lines.into_iter().flatten().filter_map(text)
    }

    /// Last element of a comma list, over all lines of the header: the one the nearest proxy wrote.
    pub(crate) fn last_element(&self, name: &'static str) -> Option<&'a str> {
        let line = self.headers.get_all(name).iter().next_back().and_then(text)?;
        let element = line.rsplit(',').next()?.trim();
        (!element.is_empty()).then_some(element)
    }
}

/// The first value of each header that every request is asked for. One pass over them costs less than a search for
/// each: requests have few headers, and most miss some of these.
#[derive(Clone, Copy, Default)]
pub(crate) struct KnownHeaders<'a> {
    baggage: Option<&'a HeaderValue>,
    content_type: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    traceparent: Option<&'a HeaderValue>,
    tracestate: Option<&'a HeaderValue>,
    user_agent: Option<&'a HeaderValue>,
}

impl<'a> KnownHeaders<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut known = Self::default();
        for (name, value) in headers {
            let first = match name.as_str() {
                BAGGAGE => &mut known.baggage,
                "content-type" => &mut known.content_type,
                "host" => &mut known.host,
                TRACEPARENT => &mut known.traceparent,
                TRACESTATE => &mut known.tracestate,
                "user-agent" => &mut known.user_agent,
                _ => continue,
            };
            first.get_or_insert(value);
        }
        known
    }

    pub(crate) fn host(&self) -> Option<&'a str> {
        self.host.and_then(text)
    }

    pub(crate) fn user_agent(&self) -> Option<&'a str> {
        self.user_agent.and_then(text)
    }

    /// Empty without one.
    pub(crate) fn content_type(&self) -> &'a [u8] {
        self.content_type.map_or(b"", HeaderValue::as_bytes)
    }
}

/// What the propagation asks for: a trace context.
impl Extractor for KnownHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            BAGGAGE => self.baggage.and_then(text),
            TRACEPARENT => self.traceparent.and_then(text),
            TRACESTATE => self.tracestate.and_then(text),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        [BAGGAGE, TRACEPARENT, TRACESTATE].into_iter().filter(|key| self.get(key).is_some()).collect()
    }
}

/// Value of `content-type`, empty without one.
pub(crate) fn content_type(headers: &HeaderMap) -> &[u8] {
    headers.get(header::CONTENT_TYPE).map_or(b"", HeaderValue::as_bytes)
}

/// A value as text, if it is UTF-8. Many bytes at a time, other than `HeaderValue::to_str`.
fn text(value: &HeaderValue) -> Option<&str> {
    str::from_utf8(value.as_bytes()).ok()
}
