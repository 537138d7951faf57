//! How long a message waited.

use std::time::Duration;

use crate::headers::{Arrived, now_ms};

/// Time between publish and hand-over, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueTime {
    pub(crate) waited: Duration,
    /// Value of `journey.messaging.queue_time_source`.
    pub(crate) source: &'static str,
}

impl QueueTime {
    /// `None` if nobody said when the message was sent.
    pub(crate) fn of(arrived: &Arrived<'_>) -> Option<Self> {
        Self::until(arrived, now_ms())
    }

    /// Two clocks are compared, so it may seem to be negative; then it is zero.
    fn until(arrived: &Arrived<'_>, now_ms: i64) -> Option<Self> {
        let from_property = || i64::try_from(arrived.timestamp_s?).ok()?.checked_mul(1000);
        let (since_ms, source) = arrived
            .sent_ms
            .map(|ms| (ms, "sent"))
            .or_else(|| arrived.broker_ms.map(|ms| (ms, "broker")))
            .or_else(|| from_property().map(|ms| (ms, "timestamp")))?;
        let waited_ms = u64::try_from(now_ms.saturating_sub(since_ms)).unwrap_or(0);
        Some(Self { waited: Duration::from_millis(waited_ms), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: messages with all, some and none of the times, and one from the future.
    /// Guarantees: the finest is taken, and none is negative.
    #[test]
    fn the_finest_time_is_taken() {
        let of = |sent_ms, broker_ms, timestamp_s| {
            let arrived = Arrived { sent_ms, broker_ms, timestamp_s, ..Arrived::default() };
            QueueTime::until(&arrived, 10_000).map(|time| (time.waited.as_millis(), time.source))
        };
        assert_eq!(of(Some(9_990), Some(9_000), Some(8)), Some((10, "sent")));
        assert_eq!(of(None, Some(9_000), Some(8)), Some((1_000, "broker")));
        assert_eq!(of(None, None, Some(8)), Some((2_000, "timestamp")));
        assert_eq!(of(Some(11_000), None, None), Some((0, "sent")));
        assert_eq!(of(None, None, None), None);
        assert_eq!(of(Some(i64::MIN), None, None).map(|(_, source)| source), Some("sent"));
    }
}
