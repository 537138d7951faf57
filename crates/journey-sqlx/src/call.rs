//! One call to the database and its span.

use std::time::Duration;

use journey_trace::SpanGuard;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use sqlx_core::Error;

use crate::failure;
use crate::key::{JOURNEY_DB_POOL_WAIT, POSTGRESQL};
use crate::outcome::Outcome;
use crate::server::Server;

/// A CLIENT span from the first poll to the last row, error or drop. It lives inside the future or stream of
/// the call; if that is dropped first, so is this, and writes down why.
pub(crate) struct Call {
    span: SpanGuard,
    /// What it means if this is dropped now; `None` once the call has ended by itself.
    if_dropped: Option<Outcome>,
}

impl Call {
    /// Starts the span. Under an unsampled parent the text is not even looked up, unless somebody records all
    /// the same.
    pub(crate) fn start(server: &Server, parent: &Context, sql: &str) -> Self {
        let span = if is_unsampled(parent) {
            let span = SpanGuard::start(POSTGRESQL, SpanKind::Client, vec![], vec![], parent);
            if span.is_recording() {
                let statement = server.statement(sql);
                span.update_name(server.span_name(&statement));
                server.attributes(&statement).into_iter().for_each(|kv| span.set_attribute(kv));
            }
            span
        } else {
            let statement = server.statement(sql);
            let attributes = server.attributes(&statement);
            SpanGuard::start(server.span_name(&statement), SpanKind::Client, attributes, vec![], parent)
        };
        Self { span, if_dropped: Some(Outcome::Cancelled) }
    }

    /// The context to be active while sqlx is polled.
    pub(crate) fn context(&self) -> Context {
        self.span.context().clone()
    }

    /// Notes how long a connection of the pool was waited for.
    pub(crate) fn waited(&self, wait: Duration) {
        self.span.set_attribute(KeyValue::new(JOURNEY_DB_POOL_WAIT, wait.as_secs_f64()));
    }

    /// A row goes to the caller, who may want no more of them.
    pub(crate) fn row_is_out(&mut self) {
        self.if_dropped = Some(Outcome::DroppedEarly);
    }

    /// The caller asks for the next row.
    pub(crate) fn row_is_wanted(&mut self) {
        self.if_dropped = Some(Outcome::Cancelled);
    }

    /// The call has ended by itself.
    pub(crate) fn finish(mut self, error: Option<&Error>) {
        self.if_dropped = None;
        if let Some(error) = error {
            failure::record(error, &self.span);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(outcome) = self.if_dropped {
            outcome.record(&self.span);
        }
    }
}

fn is_unsampled(parent: &Context) -> bool {
    let span = parent.span();
    span.span_context().is_valid() && !span.span_context().is_sampled()
}
