//! Headers of our own. Everything else that we write is of W3C.

use std::time::{SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::AMQPValue;

use crate::Propagation;

/// Says how deliveries of this message belong to the span that creates it. Wins over the consumer's
/// [`crate::Settings::propagation`].
///
/// ```
/// use journey_lapin::{Propagation, propagate};
/// use lapin::BasicProperties;
///
/// // A notice to many: each reader has a trace of its own.
/// let properties = propagate(BasicProperties::default(), Propagation::Link);
/// # drop(properties);
/// ```
pub fn propagate(properties: BasicProperties, how: Propagation) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(PROPAGATION.into(), AMQPValue::LongString(how.as_str().into()));
    properties.with_headers(headers)
}

/// The wall clock, ms since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// When the message was published; ms since the Unix epoch.
pub(crate) const SENT_MS: &str = "journey-sent-ms";

/// [`Propagation`] as the producer wishes it.
pub(crate) const PROPAGATION: &str = "journey-propagation";

/// `traceparent` of the attempt that published the message again.
pub(crate) const PREVIOUS: &str = "journey-prev";

/// Number of the attempt for which the message was published again.
pub(crate) const ATTEMPT: &str = "journey-attempt";
