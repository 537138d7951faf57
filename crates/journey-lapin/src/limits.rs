//! Every bound of this crate, and what happens at it.

use std::time::Duration;

/// Most bytes of headers that a message has after [`crate::inject`] added its own; half of the connection's `frame_max`
/// if that is less and known ([`crate::Channel::on`]).
///
/// `baggage`, then `tracestate` are left out and counted ([`crate::dropped_headers`]) when they would go beyond it;
/// `traceparent` never is. The broker closes the connection when the header frame is larger than `frame_max`,
/// 131 072 bytes by default and never below 4 096.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Longest description of a failure on a span, in bytes; the rest is cut off.
pub const DESCRIPTION_BYTES_MAX: usize = 256;

/// Destinations whose names a channel keeps, because the next message will have the same. A new one takes the place of
/// the oldest.
pub const RECENT_DESTINATIONS_MAX: usize = 8;

/// Attempts that this process remembers, so that the next delivery of the same message is linked to the last. A new
/// one takes the place of the oldest.
pub const ATTEMPTS_MAX: usize = 1024;

/// Bytes of a body that tell one message of a creator from the next, beside its id and length.
pub const DIGEST_BYTES_MAX: usize = 64;

/// Entries of `x-death` that are looked at: one for each pair of queue and reason. Further ones are not counted.
pub const DEATHS_MAX: usize = 32;

/// Links of the span of a batch: one for each message, two for one that comes again. Messages beyond it are in the batch
/// without a link; the SDK would drop it.
pub const BATCH_LINKS_MAX: usize = 128;

/// Calls of one [`crate::RpcClient`] and its clones that wait for an answer. A further one fails at once, as
/// [`crate::RpcError::Full`], and is counted as outcome `full`.
pub const CALLS_MAX: usize = 1024;

/// How long a call waits for its answer, unless [`crate::RpcClient::timeout`] says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often unsettled deliveries and dead channels are looked at.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Part of the acknowledgement timeout after which an unsettled delivery is warned about.
pub const OVERDUE_AFTER: f64 = 0.8;
