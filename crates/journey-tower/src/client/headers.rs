//! Propagation headers of an outgoing request.

use http::{HeaderMap, HeaderName, HeaderValue};
use journey_trace::http::OutgoingHeaders;
use journey_trace::propagation::{self, Traceparent};

/// Writes what the host of a request may know, and takes off the rest.
pub(crate) fn write(outgoing: &OutgoingHeaders, headers: &mut HeaderMap) {
    let OutgoingHeaders { traceparent, tracestate, baggage } = outgoing;
    // Last the one that is nearly always there: to take a header off an empty map costs nothing.
    put(headers, &BAGGAGE, baggage.as_deref().map(str::as_bytes));
    put(headers, &TRACESTATE, tracestate.as_deref().map(str::as_bytes));
    put(headers, &TRACEPARENT, traceparent.as_ref().map(Traceparent::as_bytes));
}

/// Sets one of them, or takes it off.
fn put(headers: &mut HeaderMap, name: &'static HeaderName, value: Option<&[u8]>) {
    // What is no header is left out: propagation never fails a request.
    match value.and_then(|value| HeaderValue::from_bytes(value).ok()) {
        Some(mut value) => {
            // Ids are no text for a debug log.
            value.set_sensitive(name == BAGGAGE);
            headers.insert(name, value);
        }
        None => {
            headers.remove(name);
        }
    }
}

static TRACEPARENT: HeaderName = HeaderName::from_static(propagation::TRACEPARENT);
static TRACESTATE: HeaderName = HeaderName::from_static(propagation::TRACESTATE);
static BAGGAGE: HeaderName = HeaderName::from_static(propagation::BAGGAGE);
