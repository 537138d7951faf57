//! How queries and transactions end, where the conventions have no name for it: `journey.db.outcome`.

use journey_trace::SpanGuard;
use opentelemetry::KeyValue;

use crate::key::JOURNEY_DB_OUTCOME;

/// A query that ran to its end has no outcome: its status says all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The transaction was dropped before it had begun.
    BeginCancelled,
    /// The caller stopped waiting: for a query, or for the `COMMIT` of a transaction. The server may still do
    /// it.
    Cancelled,
    /// The transaction was committed.
    Committed,
    /// The caller stopped reading rows.
    DroppedEarly,
    /// The transaction was dropped open, which rolls it back.
    DroppedRollback,
    /// The transaction was rolled back, by the caller or by the server at a `COMMIT`.
    RolledBack,
    /// The connection was lost at the `COMMIT`: nobody knows whether the server did it.
    Unknown,
}

impl Outcome {
    #[cfg(test)]
    const ALL: [Self; 7] = [
        Self::BeginCancelled,
        Self::Cancelled,
        Self::Committed,
        Self::DroppedEarly,
        Self::DroppedRollback,
        Self::RolledBack,
        Self::Unknown,
    ];

    /// The value of the attribute.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Outcome::BeginCancelled => "begin_cancelled",
            Outcome::Cancelled => "cancelled",
            Outcome::Committed => "committed",
            Outcome::DroppedEarly => "dropped_early",
            Outcome::DroppedRollback => "dropped_rollback",
            Outcome::RolledBack => "rolled_back",
            Outcome::Unknown => "unknown",
        }
    }

    /// That a caller gave up is an error of the span; that it had enough, or rolled back, is none.
    pub(crate) fn error_type(self) -> Option<&'static str> {
        matches!(self, Outcome::BeginCancelled | Outcome::Cancelled).then_some(Outcome::Cancelled.as_str())
    }

    /// Writes it on a span.
    pub(crate) fn record(self, span: &SpanGuard) {
        span.set_attribute(KeyValue::new(JOURNEY_DB_OUTCOME, self.as_str()));
        if let Some(error_type) = self.error_type() {
            span.fail(error_type, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::declared;

    /// Scenario: the closed list of outcomes in code and in the registry.
    /// Guarantees: both have the same words.
    #[test]
    fn outcomes_are_those_of_the_registry() {
        assert_eq!(declared(JOURNEY_DB_OUTCOME), Outcome::ALL.map(Outcome::as_str));
    }
}
