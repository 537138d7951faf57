//! The span of a transaction.

use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx_core::Error;

use crate::failure;
use crate::outcome::Outcome;
use crate::scope::Spent;

/// An INTERNAL span without `db.system.name`: it is no call to the database, but what lies around several.
pub(crate) struct TransactionSpan {
    span: SpanGuard,
    if_dropped: Option<Outcome>,
}

impl TransactionSpan {
    pub(crate) fn start(parent: &Context) -> Self {
        let span = SpanGuard::start_described(SpanKind::Internal, &Hint::default(), parent, || Described {
            attributes: Vec::with_capacity(ATTRIBUTES_MAX),
            ..Described::named("transaction")
        });
        Self { span, if_dropped: Some(Outcome::BeginCancelled) }
    }

    pub(crate) fn context(&self) -> &Context {
        self.span.context()
    }

    /// From now on, this is how it ends when dropped.
    pub(crate) fn if_dropped(&mut self, outcome: Outcome) {
        self.if_dropped = Some(outcome);
    }

    /// There was never a transaction.
    pub(crate) fn failed_to_begin(&mut self, error: &Error) {
        failure::record(error, &self.span);
        self.if_dropped = None;
    }

    /// What the server refuses to commit it rolls back, and so what was open on a connection that was lost before, or is
    /// closed because nobody can use it any more.
    /// After any other error nobody knows.
    pub(crate) fn failed_to_commit(&mut self, error: &Error, was_lost: bool) {
        failure::record(error, &self.span);
        let is_rolled_back = was_lost || failure::is_refusal(error);
        self.if_dropped = Some(if is_rolled_back { Outcome::RolledBack } else { Outcome::Unknown });
    }

    /// What the transaction did with its time.
    pub(crate) fn spent(&self, spent: Spent) {
        if self.is_recording() {
            spent.record(&self.span);
        }
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.span.is_recording()
    }
}

impl Drop for TransactionSpan {
    fn drop(&mut self) {
        if let Some(outcome) = self.if_dropped {
            outcome.record(&self.span);
        }
    }
}

/// Most attributes of a transaction: 4 of its own, 5 of the journey.
const ATTRIBUTES_MAX: usize = 9;
