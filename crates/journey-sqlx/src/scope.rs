//! The innermost open transaction of a connection: where its statements belong in the trace, and what became of
//! it so far.

use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use sqlx_core::Error;

use crate::failure;
use crate::key::{JOURNEY_DB_IDLE_IN_TRANSACTION, JOURNEY_DB_STATEMENTS};

/// An open transaction or savepoint.
pub(crate) struct Scope {
    /// The span that was active when the transaction began.
    opened_in: SpanContext,
    /// The context of the transaction's span.
    context: Context,
    /// Whether the server refused a statement since, which makes it roll back at `COMMIT` without an error; or whether it
    /// was rolled back already.
    is_void: bool,
    /// Whether the connection was lost since.
    is_lost: bool,
    spent: Spent,
    /// Since when no statement runs, if one can tell and somebody will hear of it.
    idle_since: Option<Instant>,
    is_timed: bool,
}

impl Scope {
    /// Of a transaction that began just now while `caller` was current and whose span is active in `context`.
    pub(crate) fn new(caller: &Context, context: &Context, is_timed: bool) -> Self {
        Self {
            opened_in: caller.span().span_context().clone(),
            context: context.clone(),
            is_void: false,
            is_lost: false,
            spent: Spent::default(),
            idle_since: is_timed.then(Instant::now),
            is_timed,
        }
    }

    /// The parent of the next statement: the transaction, unless the caller has since gone into a span of its
    /// own.
    pub(crate) fn parent(&self) -> Context {
        let current = Context::current();
        let active = current.span().span_context().clone();
        if !active.is_valid() {
            return self.context.clone();
        }
        let transaction = self.context.span().span_context().clone();
        if active != self.opened_in || active == transaction {
            return current;
        }
        // Ids and facets of the caller's context stay; only the span above the statement is another.
        current.with_remote_span_context(transaction)
    }

    /// Counts a statement of the caller's.
    pub(crate) fn count_statement(&mut self) {
        self.spent.statements += 1;
    }

    /// A statement starts.
    pub(crate) fn works(&mut self, at: Instant) {
        if let Some(since) = self.idle_since.take() {
            self.spent.idle += at.saturating_duration_since(since);
        }
    }

    /// A statement has ended, or nobody waits for it any more. Gives the time if it is of interest.
    pub(crate) fn rests(&mut self) -> Option<Instant> {
        self.idle_since = self.is_timed.then(Instant::now);
        self.idle_since
    }

    /// Keeps in mind what an error means for the transaction.
    pub(crate) fn note(&mut self, error: &Error) {
        self.is_void |= failure::is_refusal(error);
        self.is_lost |= failure::is_loss(error);
    }

    /// It was rolled back, and the caller does not know.
    pub(crate) fn is_undone(&mut self) {
        self.is_void = true;
    }

    pub(crate) fn is_void(&self) -> bool {
        self.is_void
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What was spent so far.
    pub(crate) fn spent(&mut self) -> Spent {
        self.works(Instant::now());
        self.spent
    }

    /// A savepoint inside has ended.
    pub(crate) fn takes_in(&mut self, inner: Spent, is_lost: bool) {
        self.spent.statements += inner.statements;
        self.spent.idle += inner.idle;
        self.is_lost |= is_lost;
        self.rests();
    }
}

// === impl Spent ===

/// What a transaction did with its time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// Time in which no statement ran.
    idle: Duration,
    statements: i64,
}

impl Spent {
    /// Writes it on the span of the transaction.
    pub(crate) fn record(self, span: &SpanGuard) {
        span.set_attribute(KeyValue::new(JOURNEY_DB_STATEMENTS, self.statements));
        span.set_attribute(KeyValue::new(JOURNEY_DB_IDLE_IN_TRANSACTION, self.idle.as_secs_f64()));
    }
}
