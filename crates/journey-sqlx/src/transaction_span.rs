//! The span of a transaction.

use journey_trace::SpanGuard;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx_core::Error;

use crate::failure;
use crate::outcome::Outcome;

/// An INTERNAL span without `db.system.name`: it is no call to the database, but what lies around several.
pub(crate) struct TransactionSpan {
    span: SpanGuard,
    if_dropped: Option<Outcome>,
}

impl TransactionSpan {
    pub(crate) fn start(parent: &Context) -> Self {
        let span = SpanGuard::start("transaction", SpanKind::Internal, vec![], vec![], parent);
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

    /// What the server refuses to commit it rolls back. After any other error nobody knows.
    pub(crate) fn failed_to_commit(&mut self, error: &Error) {
        failure::record(error, &self.span);
        self.if_dropped = failure::is_refusal(error).then_some(Outcome::RolledBack);
    }
}

impl Drop for TransactionSpan {
    fn drop(&mut self) {
        if let Some(outcome) = self.if_dropped {
            outcome.record(&self.span);
        }
    }
}
