//! Where the statements of an open transaction belong in the trace.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

/// The innermost open transaction of a connection.
pub(crate) struct Scope {
    /// The span that was active when the transaction began.
    opened_in: SpanContext,
    /// The context of the transaction's span.
    context: Context,
    /// Whether the server refused a statement since, which makes it roll back at `COMMIT` without an error.
    is_void: bool,
}

impl Scope {
    /// Of a transaction that began while `caller` was current and whose span is active in `context`.
    pub(crate) fn new(caller: &Context, context: &Context) -> Self {
        Self { opened_in: caller.span().span_context().clone(), context: context.clone(), is_void: false }
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

    pub(crate) fn make_void(&mut self) {
        self.is_void = true;
    }

    pub(crate) fn is_void(&self) -> bool {
        self.is_void
    }
}
