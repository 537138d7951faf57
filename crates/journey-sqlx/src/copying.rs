//! Connections that a `COPY` may have left out of step.
//!
//! sqlx 0.9.0 does not count the messages of a `COPY`. One that is dropped before its end, and a `COPY TO STDOUT` that the
//! server refuses, leave answers on the connection that the next call takes for its own. sqlx gives such a connection
//! back to its pool, where it harms the next borrower; ours is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use opentelemetry::trace::SpanContext;

/// A `COPY` that was begun on a connection. Shared by the connection and by what sends or receives the data.
#[derive(Clone)]
pub(crate) struct Copying {
    /// The span of the call.
    pub(crate) span: SpanContext,
    is_in_step: Arc<AtomicBool>,
    /// Whether a `COPY` of the same transaction was refused or aborted, which makes it void. `None` outside of one.
    has_failed: Option<Arc<AtomicBool>>,
}

impl Copying {
    pub(crate) fn new(span: SpanContext, has_failed: Option<Arc<AtomicBool>>) -> Self {
        Self { span, is_in_step: Arc::default(), has_failed }
    }

    /// The server took none of the data.
    pub(crate) fn fails(&self) {
        if let Some(has_failed) = &self.has_failed {
            has_failed.store(true, Relaxed);
        }
    }

    /// All answers were read.
    pub(crate) fn ends(&self) {
        self.is_in_step.store(true, Relaxed);
    }

    /// Whether the connection may be used again.
    pub(crate) fn is_in_step(&self) -> bool {
        self.is_in_step.load(Relaxed)
    }
}
