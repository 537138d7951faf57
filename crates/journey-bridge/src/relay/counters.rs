//! What the relay counts.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Refusal;

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages that the broker confirmed.
    messages: AtomicU64,
    /// Spans in them.
    spans: AtomicU64,
    /// Bytes of their bodies.
    bytes: AtomicU64,
    /// Requests that can never be taken: answers 400, 408, 413 and 415.
    rejected: AtomicU64,
    /// Answers 503 by reason, in the order of [`Refusal::ALL`].
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Counters {
    /// Messages that the broker confirmed.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Requests that can never be taken.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Answers 503 with this reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused[index_of(reason)].load(Ordering::Relaxed)
    }

    pub(crate) fn count_published(&self, messages: usize, spans: usize, bytes: usize) {
        self.messages.fetch_add(messages as u64, Ordering::Relaxed);
        self.spans.fetch_add(spans as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self, reason: Refusal) {
        self.refused[index_of(reason)].fetch_add(1, Ordering::Relaxed);
    }

    /// Prometheus' text format 0.0.4.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let totals = [
            ("messages", "Messages that the broker confirmed.", &self.messages),
            ("spans", "Spans in the confirmed messages.", &self.spans),
            ("bytes", "Bytes of the confirmed messages' bodies.", &self.bytes),
            ("rejected", "Requests that can never be taken.", &self.rejected),
        ];
        for (name, help, count) in totals {
            let count = count.load(Ordering::Relaxed);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP journey_relay_{name}_total {help}");
            let _ = writeln!(text, "# TYPE journey_relay_{name}_total counter");
            let _ = writeln!(text, "journey_relay_{name}_total {count}");
        }
        text.push_str("# HELP journey_relay_refused_total Requests answered 503.\n");
        text.push_str("# TYPE journey_relay_refused_total counter\n");
        for reason in Refusal::ALL {
            let _ = writeln!(
                text,
                "journey_relay_refused_total{{reason=\"{}\"}} {}",
                reason.as_str(),
                self.refused(reason)
            );
        }
        text
    }
}

fn index_of(reason: Refusal) -> usize {
    Refusal::ALL.iter().position(|other| *other == reason).expect("ALL holds every reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: some messages are published, one request is refused.
    /// Guarantees: the text holds each number under its name and reason.
    #[test]
    fn numbers_are_shown_by_reason() {
        let counters = Counters::default();
        counters.count_published(2, 30, 900);
        counters.count_refused(Refusal::Blocked);
        let text = counters.render();
        for line in [
            "journey_relay_messages_total 2",
            "journey_relay_spans_total 30",
            "journey_relay_bytes_total 900",
            "journey_relay_refused_total{reason=\"blocked\"} 1",
            "journey_relay_refused_total{reason=\"returned\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
