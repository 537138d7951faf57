//! The text of a carrier: `1;<traceparent or ->;order.id=ORD-1;journey.facet.material=gold;tracestate=a%3D1`.
//!
//! Values are percent-encoded as in `baggage`. Trace context and ids always fit: 4 ids of at most 128 bytes are at
//! most 1,600 bytes with every byte encoded.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::limits::CARRIER_BYTES_MAX;
use crate::propagation::{TRACESTATE, Traceparent, baggage, traceparent};
use crate::{JourneyCell, Key};

use super::{Carrier, InvalidCarrier};

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = self.span.as_ref().and_then(Traceparent::of);
        let parent = parent.as_ref().map_or(NO_SPAN, Traceparent::as_str);
        let mut text = format!("{VERSION};{parent}");
        for (key, id) in self.cell.ids() {
            baggage::put(&mut text, ';', key.attribute(), &id, CARRIER_BYTES_MAX);
        }
        for facet in self.cell.facets() {
            baggage::put(&mut text, ';', &facet.key, &facet.value, CARRIER_BYTES_MAX);
        }
        let state = self.span.as_ref().map(|span| span.trace_state().header()).unwrap_or_default();
        if !state.is_empty() {
            baggage::put(&mut text, ';', TRACESTATE, &state, CARRIER_BYTES_MAX);
        }
        f.write_str(&text)
    }
}

impl FromStr for Carrier {
    type Err = InvalidCarrier;

    fn from_str(text: &str) -> Result<Self, InvalidCarrier> {
        if text.len() > CARRIER_BYTES_MAX {
            return Err(InvalidCarrier::TooLong { bytes: text.len() });
        }
        let mut parts = text.split(';');
        if parts.next() != Some(VERSION) {
            return Err(InvalidCarrier::Version);
        }
        let parent = parts.next().unwrap_or_default();
        let cell = JourneyCell::new();
        let mut state = String::new();
        for member in parts {
            read_member(member, &cell, &mut state)?;
        }
        let span = match parent {
            NO_SPAN => None,
            _ => Some(
                traceparent::parse(parent.as_bytes(), &state)
                    .ok_or_else(|| InvalidCarrier::Traceparent { traceparent: parent.to_owned() })?,
            ),
        };
        Ok(Self { span, cell })
    }
}

fn read_member(member: &str, cell: &JourneyCell, state: &mut String) -> Result<(), InvalidCarrier> {
    let invalid = || InvalidCarrier::Member { member: member.to_owned() };
    let (name, encoded) = member.split_once('=').ok_or_else(invalid)?;
    let value = percent_decode_str(encoded).decode_utf8().map_err(|_| invalid())?;
    if name == TRACESTATE {
        state.push_str(&value);
        return Ok(());
    }
    let taken = match (Key::parse(name), crate::cell::facet_name(name)) {
        (Some(key), _) => cell.set(key, &value),
        (None, Some(facet)) => cell.set_facet(facet, &value),
        (None, None) => false,
    };
    if taken { Ok(()) } else { Err(invalid()) }
}

/// First part of the text. A change of the format takes the next number.
const VERSION: &str = "1";

/// Second part of the text when there was no span.
const NO_SPAN: &str = "-";

#[cfg(test)]
mod tests {
    use opentelemetry::Context;
    use opentelemetry::trace::TraceContextExt;

    use crate::ContextExt;

    use super::*;

    fn full() -> Carrier {
        let span = traceparent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1,b=2");
        let cell = JourneyCell::new();
        Key::ALL.into_iter().for_each(|key| {
            cell.set(key, &"é;=".repeat(journey_model::BUSINESS_ID_BYTES_MAX / 4));
        });
        (0..8).for_each(|number| {
            cell.set_facet(&format!("f{number}"), &"é".repeat(32));
        });
        Carrier::from_context(&Context::new().with_remote_span_context(span.unwrap()).with_cell(cell))
    }

    /// Scenario: a context with a span, its state, ids and a facet goes through the text.
    /// Guarantees: all of it comes back.
    #[test]
    fn the_text_round_trips() {
        let text = "1;00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00;order.id=ORD%201;user.id=u-1;\
                    journey.facet.material=gold;tracestate=a=1%2Cb=2";
        let carrier: Carrier = text.parse().unwrap();
        assert_eq!(carrier.to_string(), text);
        assert_eq!(carrier.cell.get(Key::Order).as_deref(), Some("ORD 1"));
        let span = carrier.span.unwrap();
        assert!(!span.is_sampled());
        assert_eq!(span.trace_state().header(), "a=1,b=2");
    }

    /// Scenario: the longest ids and more facets than fit.
    /// Guarantees: the text stays within its limit, and keeps the span and all ids.
    #[test]
    fn the_text_is_bounded() {
        let carrier = full();
        let text = carrier.to_string();
        assert!(text.len() <= CARRIER_BYTES_MAX, "{}", text.len());
        let back: Carrier = text.parse().unwrap();
        assert!(back.cell.ids().eq(carrier.cell.ids()));
        assert!(back.cell.facets().len() < carrier.cell.facets().len());
        assert!(back.span.unwrap().is_sampled());
    }

    /// Scenario: texts that we never write.
    /// Guarantees: each is refused with the reason.
    #[test]
    fn garbage_is_refused() {
        let reason = |text: &str| text.parse::<Carrier>().map(|_| ()).unwrap_err().to_string();
        assert_eq!(reason(""), "a carrier starts with \"1;\", this text does not");
        assert_eq!(reason("2;-"), "a carrier starts with \"1;\", this text does not");
        assert_eq!(reason("1"), "\"\" is no traceparent");
        assert_eq!(reason("1;00-xyz"), "\"00-xyz\" is no traceparent");
        assert_eq!(reason("1;-;nonsense"), "\"nonsense\" is no id or facet of a journey");
        assert_eq!(reason("1;-;order.id=%FF"), "\"order.id=%FF\" is no id or facet of a journey");
        assert_eq!(reason("1;-;order.id=a;order.id=b"), "\"order.id=b\" is no id or facet of a journey");
        let long = format!("1;-;order.id={}", "x".repeat(CARRIER_BYTES_MAX));
        assert!(reason(&long).starts_with("a carrier has at most 2048 bytes"));
    }
}
