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

/// Messages of one destination of a channel after which its names are kept for as long as the process lives.
pub const KEPT_AFTER: u32 = 16;

/// Texts that are kept so: names of destinations and spans, routing keys and brokers, in the whole process. Further ones are
/// counted by who has them, which costs a little more for each span.
pub const KEPT_TEXTS_MAX: usize = 1024;

/// Bytes of a text that is kept so: exchange, routing key and queue of 255 each, and what joins them. Longer ones are not.
pub const KEPT_TEXT_BYTES_MAX: usize = 800;

/// Attempts that this process remembers, so that the next delivery of the same message is linked to the last. A new
/// one takes the place of the oldest.
pub const ATTEMPTS_MAX: usize = 1024;

/// Attempts that go on which this process remembers, so that a message that is handed out again meanwhile is linked to
/// them. A further one is not remembered, and counted ([`crate::unlinked_attempts`]).
pub const OPEN_ATTEMPTS_MAX: usize = 65_536;

/// Bytes of a body that tell one message of a creator from the next, beside its id and length.
pub const DIGEST_BYTES_MAX: usize = 64;

/// Entries of `x-death` that are looked at: one for each pair of queue and reason. Further ones are not counted.
pub const DEATHS_MAX: usize = 32;

/// Links of the span of a batch: one for each message, two for one that comes again. Messages beyond it are in the batch
/// without a link; the SDK would drop it.
pub const BATCH_LINKS_MAX: usize = 128;

/// Tasks that wait for one consumer and its clones, and are woken when a batch that is given up leaves messages to them. One
/// too many takes the place of the oldest, which is woken by the next message of the broker instead.
pub const WAITING_MAX: usize = 64;

/// Calls of one [`crate::RpcClient`] and its clones that wait for an answer. A further one fails at once, as
/// [`crate::RpcError::Full`], and is counted as outcome `full`.
pub const CALLS_MAX: usize = 1024;

/// How long a call waits for its answer, unless [`crate::RpcClient::timeout`] says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often unsettled deliveries and dead channels are looked at.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How much longer than the acknowledgement timeout a delivery may have been held for that to be the reason why its channel
/// died in silence: twice the minute after which RabbitMQ looks at a channel again (`channel_tick_interval`).
pub const ACK_TIMEOUT_LATE_MAX: Duration = Duration::from_secs(120);

/// Part of the acknowledgement timeout after which an unsettled delivery is warned about.
pub const OVERDUE_AFTER: f64 = 0.8;
