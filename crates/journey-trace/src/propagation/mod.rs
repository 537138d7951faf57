//! W3C trace context and baggage, in and out.
//!
//! Only ids leave, and only to hosts that may know them ([`may_propagate_to`]); other baggage of the `Context` is
//! nobody's business. What comes in is believed only from a trusted caller: an untrusted one gets a new trace that
//! links to its own.

mod allow_list;
pub(crate) mod baggage;
mod formats;
mod host_list;
pub(crate) mod traceparent;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{Link, SpanContext, TraceContextExt};

use crate::{ContextExt, JourneyCell};

pub use allow_list::{may_propagate_to, set_propagate_to};
pub use formats::{Formats, set_formats};
pub use host_list::{HostList, InvalidHosts};
pub use traceparent::Traceparent;

/// Whether the caller is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// One of ours: its trace goes on, its ids are taken.
    Trusted,
    /// Anybody: its trace is linked, its ids are ignored.
    Untrusted,
}

/// A span of another trace that the first span or stage here links to. Layers find it with [`remote_link`].
#[derive(Debug, Clone)]
pub(crate) struct RemoteLink(pub(crate) SpanContext);

/// Writes `traceparent`, `tracestate` if there is one, and `baggage` with the ids and facets of the journey.
///
/// The caller has asked [`may_propagate_to`] before. Baggage has at most [`crate::limits::BAGGAGE_MEMBERS_MAX`]
/// members and [`crate::limits::BAGGAGE_BYTES_MAX`] bytes.
///
/// ```
/// use std::collections::HashMap;
/// use journey_trace::{ContextExt, JourneyCell, Key, Trust, extract, inject};
/// use opentelemetry::Context;
///
/// let cell = JourneyCell::new();
/// cell.set(Key::Order, "ORD-1");
/// let mut headers = HashMap::new();
/// inject(&Context::new().with_cell(cell), &mut headers);
/// assert_eq!(headers["baggage"], "order.id=ORD-1");
///
/// let received = extract(&headers, Trust::Trusted);
/// let cell = JourneyCell::of(&received).unwrap();
/// assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
/// ```
pub fn inject(cx: &Context, carrier: &mut dyn Injector) {
    let span = cx.span();
    let span = span.span_context();
    if let Some(traceparent) = traceparent_header(span) {
        carrier.set(TRACEPARENT, traceparent.as_str().to_owned());
        let trace_state = span.trace_state().header();
        if !trace_state.is_empty() {
            carrier.set(TRACESTATE, trace_state);
        }
    }
    if let Some(baggage) = baggage_header(cx) {
        carrier.set(BAGGAGE, baggage);
    }
}

/// The `traceparent` header for this span, as [`inject`] writes it; `None` if its ids are not valid.
pub fn traceparent_header(span: &SpanContext) -> Option<Traceparent> {
    Traceparent::of(span).filter(|_| formats::has_trace_context())
}

/// The `baggage` header of this `Context`, as [`inject`] writes it; `None` if the journey knows nothing.
pub fn baggage_header(cx: &Context) -> Option<String> {
    JourneyCell::of(cx).filter(|_| formats::has_baggage()).and_then(baggage::format)
}

/// Reads what [`inject`] wrote. The result always has a fresh cell, and nothing of the current `Context`.
///
/// Trusted: the caller's span is the remote parent and its ids are in the cell. Untrusted: no parent, an empty cell,
/// and the caller's span for [`remote_link`].
pub fn extract(carrier: &dyn Extractor, trust: Trust) -> Context {
    let baggage = carrier.get_all(BAGGAGE).unwrap_or_default();
    extract_parts(remote_span_context(carrier), baggage.into_iter(), trust)
}

/// [`extract`] of headers that were found already. `baggage` is the value of each header line of that name, and is
/// not read for an untrusted caller.
pub fn extract_parts<'a>(
    caller: Option<SpanContext>,
    baggage: impl Iterator<Item = &'a str>,
    trust: Trust,
) -> Context {
    let cell = JourneyCell::new();
    if trust == Trust::Trusted && formats::has_baggage() {
        baggage::read(baggage, &cell);
    }
    match (caller, trust) {
        (None, _) => Context::new().with_cell(cell),
        (Some(span), Trust::Trusted) => Context::new().with_remote_span_context(span).with_cell(cell),
        (Some(span), Trust::Untrusted) => Context::new().with_cell(cell).with_value(RemoteLink(span)),
    }
}

/// The caller's span alone, without cell and ids.
pub fn remote_span_context(carrier: &dyn Extractor) -> Option<SpanContext> {
    let traceparent = carrier.get(TRACEPARENT)?;
    span_context_of(traceparent.as_bytes(), carrier.get(TRACESTATE).unwrap_or_default())
}

/// The same of the values of both headers; the second is empty if there is none.
pub fn span_context_of(traceparent: &[u8], tracestate: &str) -> Option<SpanContext> {
    formats::has_trace_context().then(|| traceparent::parse(traceparent, tracestate))?
}

/// The link that the first span or stage of this `Context` has to carry: to an untrusted caller, or to the span
/// that a [`crate::Carrier`] was made in. `None` once a span is active. [`crate::SpanGuard`] and stages see to it
/// themselves.
pub fn remote_link(cx: &Context) -> Option<Link> {
    if cx.span().span_context().is_valid() {
        return None;
    }
    cx.get::<RemoteLink>().map(|link| Link::with_context(link.0.clone()))
}

/// Header of [W3C Trace Context](https://www.w3.org/TR/trace-context-2/#traceparent-header).
pub const TRACEPARENT: &str = "traceparent";

/// Header of [W3C Trace Context](https://www.w3.org/TR/trace-context-2/#tracestate-header).
pub const TRACESTATE: &str = "tracestate";

/// Header of [W3C Baggage](https://www.w3.org/TR/baggage/#header-name).
pub const BAGGAGE: &str = "baggage";

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::Key;

    use super::*;

    fn headers() -> HashMap<String, String> {
        HashMap::from([
            ("traceparent".into(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".into()),
            ("tracestate".into(), "vendor=1".into()),
            ("baggage".into(), "order.id=ORD-1,other=x".into()),
        ])
    }

    /// Scenario: a trusted caller's headers come in and go out again.
    /// Guarantees: parent, flags and state are kept, our ids are taken, foreign baggage is not passed on.
    #[test]
    fn a_trusted_callers_trace_goes_on() {
        let cx = extract(&headers(), Trust::Trusted);
        let span = cx.span().span_context().clone();
        assert!(span.is_remote() && !span.is_sampled());
        assert!(remote_link(&cx).is_none());
        let mut out = HashMap::new();
        inject(&cx, &mut out);
        assert_eq!(out["traceparent"], headers()["traceparent"]);
        assert_eq!(out["tracestate"], "vendor=1");
        assert_eq!(out["baggage"], "order.id=ORD-1");
    }

    /// Scenario: the same headers come from the public.
    /// Guarantees: no parent, no id, and a link for the first span.
    #[test]
    fn an_untrusted_caller_is_linked_only() {
        let cx = extract(&headers(), Trust::Untrusted);
        assert!(!cx.span().span_context().is_valid());
        assert_eq!(JourneyCell::of(&cx).and_then(|cell| cell.get(Key::Order)), None);
        let link = remote_link(&cx).expect("a link to the caller");
        assert_eq!(link.span_context.span_id().to_string(), "00f067aa0ba902b7");
        let mut out = HashMap::new();
        inject(&cx, &mut out);
        assert!(out.is_empty());
    }
}
