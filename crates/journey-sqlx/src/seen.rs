//! What happened during a call.

use std::time::Duration;

use journey_trace::SpanGuard;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::failure::Failure;
use crate::key::{
    DB_RESPONSE_RETURNED_ROWS, JOURNEY_DB_AFFECTED_ROWS, JOURNEY_DB_SERVER_WAIT, JOURNEY_DB_TIME_TO_FIRST_ROW,
};
use crate::wait::{Reason, Wait};

/// What is told when the call ends.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) wait: Option<Wait>,
    /// The query before it on the same connection, if its caller had left it.
    pub(crate) left: Option<Box<SpanContext>>,
    pub(crate) rows: u64,
    pub(crate) affected: Option<u64>,
    pub(crate) first_row: Option<Duration>,
    pub(crate) server_wait: Option<Duration>,
    pub(crate) failure: Option<Box<Failure>>,
}

impl Seen {
    /// Writes it on the span of the call.
    pub(crate) fn record(self, span: &SpanGuard, has_rows: bool) {
        let seconds = |key: &'static str, time: Duration| KeyValue::new(key, time.as_secs_f64());
        if let Some(wait) = &self.wait {
            span.set_attributes(wait.attributes());
        } else if self.left.is_some() {
            span.set_attribute(Reason::DrainingCancelled.attribute());
        }
        if let Some(time) = self.first_row {
            span.set_attribute(seconds(JOURNEY_DB_TIME_TO_FIRST_ROW, time));
        }
        if let Some(time) = self.server_wait {
            span.set_attribute(seconds(JOURNEY_DB_SERVER_WAIT, time));
        }
        for cause in self.wait.and_then(|wait| wait.cause).into_iter().chain(self.left) {
            link(span, *cause);
        }
        if has_rows {
            let number = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
            span.set_attribute(KeyValue::new(DB_RESPONSE_RETURNED_ROWS, number(self.rows)));
            if let Some(rows) = self.affected {
                span.set_attribute(KeyValue::new(JOURNEY_DB_AFFECTED_ROWS, number(rows)));
            }
        }
        if let Some(failure) = self.failure {
            failure.record(span);
        }
    }
}

/// Links to the query that was waited for, unless it has no span.
pub(crate) fn link(span: &SpanGuard, query: SpanContext) {
    if query.is_valid() && span.is_recording() {
        span.context().span().add_link(query, vec![]);
    }
}
