//! Propagation headers of an outgoing request.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use crate::may_propagate_to;
use crate::propagation::{Traceparent, baggage_header, traceparent_header};

/// The propagation headers of one request. What is `None` is to be taken off the request, whoever has set it: an
/// earlier hop, or a handler that copies its inbound headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutgoingHeaders {
    /// Value of `traceparent`.
    pub traceparent: Option<Traceparent>,
    /// Value of `tracestate`.
    pub tracestate: Option<String>,
    /// Value of `baggage`. It has ids of people and orders, so it is no text for a log.
    pub baggage: Option<String>,
}

impl OutgoingHeaders {
    /// What a request to this host, given as in a URL, has to say. Nothing if the host may not know our ids
    /// ([`may_propagate_to`]).
    pub fn to(host: &str, cx: &Context) -> Self {
        if !may_propagate_to(host) {
            return Self::default();
        }
        let span = cx.span();
        let span = span.span_context();
        let traceparent = traceparent_header(span);
        let tracestate = traceparent.and_then(|_| {
            let state = span.trace_state().header();
            (!state.is_empty()).then_some(state)
        });
        Self { traceparent, tracestate, baggage: baggage_header(cx) }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    use crate::{ContextExt, JourneyCell, Key};

    use super::*;

    /// Scenario: a `Context` with everything, and one with nothing, on the way to a neighbour and to a stranger.
    /// Guarantees: the neighbour gets what there is, the stranger nothing.
    #[test]
    fn ids_go_to_neighbours_only() {
        let cell = JourneyCell::new();
        cell.set(Key::Order, "ORD-7");
        let state = TraceState::from_key_value([("vendor", "1")]).expect("a valid state");
        let span = SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, state);
        let whole = Context::new().with_remote_span_context(span).with_cell(cell);
        let headers = OutgoingHeaders::to("crm-api", &whole);
        let traceparent = headers.traceparent.expect("the span is valid");
        assert_eq!(traceparent.as_str(), "00-00000000000000000000000000000001-0000000000000002-01");
        assert_eq!(headers.tracestate.as_deref(), Some("vendor=1"));
        assert_eq!(headers.baggage.as_deref(), Some("order.id=ORD-7"));
        let nothing = OutgoingHeaders::default();
        assert_eq!(OutgoingHeaders::to("api.partner.example", &whole), nothing);
        assert_eq!(OutgoingHeaders::to("crm-api", &Context::new()), nothing);
    }
}
