//! Propagation headers of an outgoing request.

use journey_trace::propagation::{BAGGAGE, TRACEPARENT, TRACESTATE};
use journey_trace::{inject, may_propagate_to};
use opentelemetry::Context;
use opentelemetry::propagation::Injector;
use reqwest::Request;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Writes trace and ids for a host that may know them, and takes them off for any other.
pub(crate) fn propagate(cx: &Context, request: &mut Request) {
    let allowed = request.url().host_str().is_some_and(may_propagate_to);
    remove(request.headers_mut());
    if allowed {
        inject(cx, &mut HeaderInjector(request.headers_mut()));
    }
}

/// What an earlier hop, or a handler that copies its inbound headers, may have left.
fn remove(headers: &mut HeaderMap) {
    for name in [TRACEPARENT, TRACESTATE, BAGGAGE] {
        headers.remove(name);
    }
}

struct HeaderInjector<'a>(&'a mut HeaderMap);

impl Injector for HeaderInjector<'_> {
    /// What is no header is left out: propagation never fails a request.
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
