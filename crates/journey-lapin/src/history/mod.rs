//! What a message went through before it was handed over.

mod deaths;
mod memory;
mod queue_time;

use opentelemetry::trace::SpanContext;

use crate::headers::Arrived;

pub(crate) use deaths::Deaths;
pub use memory::unlinked_attempts;
pub(crate) use memory::{MessageKey, begin, end, forget, previous, remember};
pub(crate) use queue_time::QueueTime;

/// Number of this delivery among all of the message, from 1, as far as headers and broker tell.
///
/// Quorum queues count their deliveries; of others it is known only that it is not the first. Each rejection that led
/// through a dead-letter exchange is one more, and so is each time it was published again
/// ([`crate::TracedDelivery::republish`]).
pub(crate) fn attempt(arrived: &Arrived<'_>, deaths: &Deaths<'_>, redelivered: bool) -> i64 {
    let counted = arrived.delivery_count.max(arrived.acquired_count);
    let from_this_queue = counted.unwrap_or(0).max(i64::from(redelivered));
    arrived.attempt.unwrap_or(1).max(1).saturating_add(deaths.attempts()).saturating_add(from_this_queue)
}

/// The span of the attempt before this one, if it is known: named by whoever published the message again, or made by
/// this process.
pub(crate) fn attempt_before(
    arrived: &Arrived<'_>,
    key: Option<&MessageKey>,
    attempt: i64,
) -> Option<SpanContext> {
    if attempt <= 1 {
        return None;
    }
    key.and_then(previous).or_else(|| arrived.previous())
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::types::{AMQPValue, FieldTable};

    use super::*;

    fn attempt_of(headers: &[(&str, i64)], redelivered: bool) -> i64 {
        let mut table = FieldTable::default();
        for (key, number) in headers {
            table.insert((*key).into(), AMQPValue::LongLongInt(*number));
        }
        let properties = BasicProperties::default().with_headers(table);
        let arrived = Arrived::of(&properties);
        attempt(&arrived, &Deaths::of(&arrived), redelivered)
    }

    /// Scenario: first deliveries and later ones, from queues that count and queues that do not.
    /// Guarantees: the number is what is known, and never below one.
    #[test]
    fn attempts_add_up() {
        assert_eq!(attempt_of(&[], false), 1);
        assert_eq!(attempt_of(&[], true), 2);
        assert_eq!(attempt_of(&[("x-delivery-count", 2)], true), 3);
        assert_eq!(attempt_of(&[("x-delivery-count", 0), ("x-acquired-count", 2)], true), 3);
        assert_eq!(attempt_of(&[("journey-attempt", 3)], true), 4);
        assert_eq!(attempt_of(&[("journey-attempt", -7)], false), 1);
    }
}
