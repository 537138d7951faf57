//! `traceparent` and `tracestate`, without the detour over a propagator object.

use std::str::FromStr;

use journey_model::{SpanId, TraceId};
use opentelemetry::TraceFlags;
use opentelemetry::trace::{SpanContext, TraceState};

use crate::ids;
use crate::limits::TRACE_STATE_BYTES_MAX;

/// The header for this span.
pub(crate) fn format(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags() & KNOWN_FLAGS)
}

/// The remote span of these headers. A bad `traceparent` gives none; a bad `tracestate` is left out.
pub(crate) fn parse(traceparent: &str, tracestate: &str) -> Option<SpanContext> {
    let (trace_id, span_id, flags) = split(traceparent.trim())?;
    let (trace_id, span_id) = ids::to_otel(trace_id, span_id);
    let state = match tracestate.len() {
        0 => TraceState::NONE,
        1..=TRACE_STATE_BYTES_MAX => TraceState::from_str(tracestate).unwrap_or(TraceState::NONE),
        _ => TraceState::NONE,
    };
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// `version-trace-span-flags` in lower-case hex. Later versions may go on after a further dash.
fn split(traceparent: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    if !traceparent.is_ascii()
        || traceparent.len() < LENGTH
        || traceparent.bytes().any(|b| b.is_ascii_uppercase())
    {
        return None;
    }
    let (head, rest) = traceparent.split_at(LENGTH);
    let mut parts = head.split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version = hex_byte(version)?;
    let ends_well = if version == 0 { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
    if version == 0xff || !ends_well || parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(hex_byte(flags)?) & KNOWN_FLAGS;
    Some((trace_id.parse().ok()?, span_id.parse().ok()?, flags))
}

fn hex_byte(hex: &str) -> Option<u8> {
    // `from_str_radix` also takes a sign.
    let digits = hex.len() == 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(hex, 16).ok()).flatten()
}

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// `sampled` and `random`, the flags of [Trace Context level 2](https://www.w3.org/TR/trace-context-2/#trace-flags).
const KNOWN_FLAGS: TraceFlags = TraceFlags::new(0x03);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: headers that are good, from the future, and broken in every part.
    /// Guarantees: the good ones give a span with their flags, the broken ones none.
    #[test]
    fn only_good_headers_give_a_span() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let span = parse(good, "a=1,b=2").expect("a good header");
        assert!(span.is_sampled() && span.is_remote());
        assert_eq!(format(&span), good);
        assert_eq!(span.trace_state().header(), "a=1,b=2");
        assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "").is_some());
        for bad in [
            "",
            "00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-0é",
        ] {
            assert!(parse(bad, "").is_none(), "{bad}");
        }
    }

    /// Scenario: a good `traceparent` with a `tracestate` that is broken or too long.
    /// Guarantees: the span stays, its state is empty.
    #[test]
    fn a_bad_state_is_left_out() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for state in ["no-equals", &format!("a={}", "x".repeat(TRACE_STATE_BYTES_MAX))] {
            let span = parse(parent, state).expect("a good header");
            assert!(span.trace_state().header().is_empty());
        }
    }
}
