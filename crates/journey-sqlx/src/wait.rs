//! How long a call waited for a connection, and why.

use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;

use crate::key::{JOURNEY_DB_POOL_WAIT, JOURNEY_DB_WAIT_REASON};
use crate::lender::Lender;
use crate::seen::link;

/// Why a call waited, as far as it can be known when it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// All connections were in use, and the server was still busy with a query that its caller had left.
    DrainingCancelled,
    /// A connection was idle; only sqlx's test of it was waited for.
    Idle,
    /// None was idle and the pool might open one.
    NewConnection,
    /// All connections were in use.
    Saturated,
}

impl Reason {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] =
        [Self::DrainingCancelled, Self::Idle, Self::NewConnection, Self::Saturated];

    /// The value of `journey.db.wait_reason`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Reason::DrainingCancelled => "draining_cancelled",
            Reason::Idle => "idle",
            Reason::NewConnection => "new_connection",
            Reason::Saturated => "saturated",
        }
    }

    /// As an attribute.
    pub(crate) fn attribute(self) -> KeyValue {
        KeyValue::new(JOURNEY_DB_WAIT_REASON, self.as_str())
    }
}

/// A connection was asked for.
pub(crate) struct Asked {
    at: Instant,
    reason: Reason,
    cause: Option<Box<SpanContext>>,
}

impl Asked {
    /// Looks at the pool as it is now. `at` is now, or as good as that.
    pub(crate) fn at(at: Instant, lender: &Lender) -> Self {
        let (reason, cause) = lender.reason();
        Self { at, reason, cause: cause.map(Box::new) }
    }

    /// The wait that ends now.
    pub(crate) fn over(self) -> Wait {
        let until = Instant::now();
        let duration = until.saturating_duration_since(self.at);
        Wait { until, duration, reason: self.reason, cause: self.cause }
    }
}

/// A wait that is over.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) until: Instant,
    pub(crate) duration: Duration,
    pub(crate) reason: Reason,
    /// The span of the left query that was the cause.
    pub(crate) cause: Option<Box<SpanContext>>,
}

impl Wait {
    /// Writes it on a span, with a link to its cause.
    pub(crate) fn record(&self, span: &SpanGuard) {
        span.set_attributes(self.attributes());
        if let Some(cause) = &self.cause {
            link(span, SpanContext::clone(cause));
        }
    }

    /// `journey.db.pool_wait` and `journey.db.wait_reason`.
    pub(crate) fn attributes(&self) -> [KeyValue; 2] {
        [KeyValue::new(JOURNEY_DB_POOL_WAIT, self.duration.as_secs_f64()), self.reason.attribute()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::declared;

    /// Scenario: the closed list of reasons in code and in the registry.
    /// Guarantees: both have the same words.
    #[test]
    fn reasons_are_those_of_the_registry() {
        assert_eq!(declared(JOURNEY_DB_WAIT_REASON), Reason::ALL.map(Reason::as_str));
    }
}
