//! Every bound of the bridge, and what happens at it.

use std::time::Duration;

/// Requests that are read or wait for a confirm at one time; one more is answered 503.
///
/// Together with [`MESSAGES_BYTES_MAX`] it bounds the memory of the relay at a gigabyte, far above ordinary use.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// Largest request body in bytes, as sent and again after decompression; a larger one is answered 413.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of all messages that one request is cut into; above it is answered 413. Each message repeats the resource, so
/// a resource of nearly a message's size would multiply the request.
pub const MESSAGES_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;

/// Time a client has for sending the body of its request; then it is answered 408 and its place is free again.
pub const BODY_READ_TIME_MAX: Duration = Duration::from_secs(10);

/// Time the broker has for a confirm; then the client is answered 503.
///
/// Half of the 10 s that OTLP exporters wait by default, so that they see the answer and not their own time-out.
pub const CONFIRM_TIME_MAX: Duration = Duration::from_secs(5);

/// Time for connecting and declaring; then the attempt counts as failed.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Wait before the second attempt to connect; it doubles up to [`BACKOFF_MAX`].
pub const BACKOFF_MIN: Duration = Duration::from_millis(250);

/// Longest wait between two attempts to connect. Attempts never end.
pub const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How often the relay looks whether its connection and channel still stand.
pub const LIVENESS_INTERVAL: Duration = Duration::from_millis(250);

/// AMQP heartbeat in seconds, unless the URL has its own: a broker that vanished without a word is found by it.
pub const HEARTBEAT_S: u16 = 10;

/// Value of `Retry-After` in answers 503, in seconds.
pub const RETRY_AFTER_S: u32 = 2;
