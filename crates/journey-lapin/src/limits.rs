//! Every bound of this crate, and what happens at it.

/// Most bytes of headers that a message has after [`crate::inject`] added its own.
///
/// `baggage`, then `tracestate` are left out and counted ([`crate::dropped_headers`]) when they would go beyond it;
/// `traceparent` never is. The broker closes the connection when the header frame is larger than `frame_max`,
/// 131 072 bytes by default and never below 4 096.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Longest description of a failure on a span, in bytes; the rest is cut off.
pub const DESCRIPTION_BYTES_MAX: usize = 256;
