//! `traceparent` and `tracestate`, without the detour over a propagator object.

use std::str::FromStr;

use opentelemetry::TraceFlags;
use opentelemetry::trace::{self, SpanContext, TraceState};

use crate::limits::TRACE_STATE_BYTES_MAX;

/// A `traceparent` header of version 00, on the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent([u8; LENGTH]);

impl Traceparent {
    /// The header for this span; `None` if its ids are not valid.
    pub fn of(span: &SpanContext) -> Option<Self> {
        if !span.is_valid() {
            return None;
        }
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        put_hex(&mut text[3..35], span.trace_id().to_bytes());
        put_hex(&mut text[36..52], span.span_id().to_bytes());
        put_hex(&mut text[53..55], [(span.trace_flags() & KNOWN_FLAGS).to_u8()]);
        Some(Self(text))
    }

    /// Its text, which is ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits and dashes are ASCII")
    }
}

fn put_hex<const N: usize>(text: &mut [u8], bytes: [u8; N]) {
    let (pairs, _) = text.as_chunks_mut();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = HEX[usize::from(byte)];
    }
}

/// Both digits of each byte.
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < hex.len() {
        hex[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    hex
};

/// The remote span of these headers. A bad `traceparent` gives none; a bad `tracestate` is left out.
pub(crate) fn parse(traceparent: &[u8], tracestate: &str) -> Option<SpanContext> {
    let (trace_id, span_id, flags) = split(traceparent.trim_ascii())?;
    let state = match tracestate.len() {
        0 => TraceState::NONE,
        1..=TRACE_STATE_BYTES_MAX => TraceState::from_str(tracestate).unwrap_or(TraceState::NONE),
        _ => TraceState::NONE,
    };
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// `version-trace-span-flags` in lower-case hex, at fixed places. Later versions may go on after a further dash.
fn split(traceparent: &[u8]) -> Option<(trace::TraceId, trace::SpanId, TraceFlags)> {
    let (head, rest) = traceparent.split_first_chunk::<LENGTH>()?;
    let [version, flags] = [[head[0], head[1]], [head[53], head[54]]].map(byte);
    // Sums of digits instead of a branch for each of them.
    let (trace_id, bad_trace_id) = hex::<32, 16>(head, 3);
    let (span_id, bad_span_id) = hex::<16, 8>(head, 36);
    let is_hex = version < BAD && flags < BAD && bad_trace_id < BAD && bad_span_id < BAD;
    let is_cut = head[2] == b'-' && head[35] == b'-' && head[52] == b'-';
    let ends_well = rest.is_empty() || (version > 0 && rest[0] == b'-');
    let is_known = version < 0xff && trace_id != [0; 16] && span_id != [0; 8];
    (is_hex && is_cut && ends_well && is_known).then(|| {
        let flags = TraceFlags::new(flags as u8) & KNOWN_FLAGS;
        (trace::TraceId::from_bytes(trace_id), trace::SpanId::from_bytes(span_id), flags)
    })
}

/// The value of two digits; [`BAD`] or more if one of them is none.
fn byte([high, low]: [u8; 2]) -> u16 {
    DIGIT[usize::from(high)] << 4 | DIGIT[usize::from(low)]
}

/// `BYTES` bytes of two digits each, and [`BAD`] or more if one of the digits is none.
fn hex<const DIGITS: usize, const BYTES: usize>(head: &[u8; LENGTH], at: usize) -> ([u8; BYTES], u16) {
    let mut bytes = [0; BYTES];
    let mut bad = 0;
    let (pairs, _) = head[at..at + DIGITS].as_chunks();
    for (place, pair) in bytes.iter_mut().zip(pairs) {
        let value = byte(*pair);
        bad |= value;
        *place = value as u8;
    }
    (bytes, bad)
}

/// More than any byte.
const BAD: u16 = 0x100;

/// Value of each digit; what is none has a bit that stays above a byte wherever the digit stands.
const DIGIT: [u16; 256] = {
    let mut table = [BAD; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u16;
        value += 1;
    }
    table
};

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
        let span = parse(good.as_bytes(), "a=1,b=2").expect("a good header");
        assert!(span.is_sampled() && span.is_remote());
        assert_eq!(Traceparent::of(&span).expect("valid ids").as_str(), good);
        assert_eq!(span.trace_state().header(), "a=1,b=2");
        assert!(parse(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "").is_some());
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
            assert!(parse(bad.as_bytes(), "").is_none(), "{bad}");
        }
    }

    /// Scenario: a good `traceparent` with a `tracestate` that is broken or too long.
    /// Guarantees: the span stays, its state is empty.
    #[test]
    fn a_bad_state_is_left_out() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for state in ["no-equals", &format!("a={}", "x".repeat(TRACE_STATE_BYTES_MAX))] {
            let span = parse(parent.as_bytes(), state).expect("a good header");
            assert!(span.trace_state().header().is_empty());
        }
    }
}
