//! What the header `x-death` tells: the way through dead-letter exchanges.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable};

use crate::headers::{Arrived, moment, now_ms, number, text};
use crate::limits::DEATHS_MAX;

/// The deaths of one message. Source: [Dead letter exchanges](https://www.rabbitmq.com/docs/dlx#effects).
#[derive(Default)]
pub(crate) struct Deaths<'a> {
    /// How often it was dead-lettered, whatever the reason.
    pub(crate) count: i64,
    /// How often after a handler had it.
    handled: i64,
    /// The queue of its first death.
    pub(crate) first_queue: Option<&'a str>,
    /// The reason of its first death: `rejected`, `expired`, `maxlen` or `delivery_limit`.
    pub(crate) first_reason: Option<&'a str>,
    /// When it last died; s since the Unix epoch.
    last_s: Option<u64>,
}

impl<'a> Deaths<'a> {
    pub(crate) fn of(arrived: &Arrived<'a>) -> Self {
        let entries = arrived.deaths.map(|entries| entries.as_slice()).unwrap_or_default();
        let mut deaths = Self {
            first_queue: arrived.first_death_queue,
            first_reason: arrived.first_death_reason,
            ..Self::default()
        };
        for entry in entries.iter().take(DEATHS_MAX) {
            if let AMQPValue::FieldTable(entry) = entry {
                deaths.add(entry);
            }
        }
        deaths
    }

    /// Attempts that ended in a dead-letter exchange.
    pub(crate) fn attempts(&self) -> i64 {
        self.handled
    }

    /// Time since the last death.
    pub(crate) fn age(&self) -> Option<Duration> {
        let ago_ms = now_ms() - i64::try_from(self.last_s?).ok()?.checked_mul(1000)?;
        Some(Duration::from_millis(u64::try_from(ago_ms).unwrap_or(0)))
    }

    /// One entry: all deaths of one queue and reason.
    fn add(&mut self, entry: &FieldTable) {
        let entry = entry.inner();
        let count = entry.get("count").and_then(number).unwrap_or(1).max(0);
        self.count = self.count.saturating_add(count);
        if entry.get("reason").and_then(text).is_some_and(|reason| HANDLED.contains(&reason)) {
            self.handled = self.handled.saturating_add(count);
        }
        self.last_s = self.last_s.max(entry.get("time").and_then(moment));
    }
}

/// Reasons that come after a handler had the message. What expired was in nobody's hands.
const HANDLED: [&str; 2] = ["rejected", "delivery_limit"];

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::types::FieldArray;

    use super::*;

    fn death(reason: &str, count: i64, time: u64) -> AMQPValue {
        let mut entry = FieldTable::default();
        entry.insert("reason".into(), AMQPValue::LongString(reason.into()));
        entry.insert("count".into(), AMQPValue::LongLongInt(count));
        entry.insert("time".into(), AMQPValue::Timestamp(time));
        AMQPValue::FieldTable(entry)
    }

    /// Scenario: a message was rejected three times, and each time waited in a queue until it expired.
    /// Guarantees: it died six times, and three attempts were made.
    #[test]
    fn waiting_is_no_attempt() {
        let mut headers = FieldTable::default();
        let entries = vec![death("expired", 3, 90), death("rejected", 3, 80), AMQPValue::Void];
        headers.insert("x-death".into(), AMQPValue::FieldArray(FieldArray::from(entries)));
        headers.insert("x-first-death-reason".into(), AMQPValue::LongString("rejected".into()));
        let properties = BasicProperties::default().with_headers(headers);
        let deaths = Deaths::of(&Arrived::of(&properties));
        assert_eq!((deaths.count, deaths.attempts()), (6, 3));
        assert_eq!(deaths.first_reason, Some("rejected"));
        assert_eq!(deaths.last_s, Some(90));
        assert!(deaths.age().is_some());
    }
}
