//! What the events of sqlx tell.

use std::fmt::Debug;
use std::time::Duration;

use tracing::Event;
use tracing::field::{Field, Visit};

/// An event of the target `sqlx::query`.
#[derive(Default)]
pub(crate) struct QueryEvent {
    /// The first four words, or the whole text if it has no more.
    summary: String,
    /// The whole text, or nothing if it is the summary.
    statement: String,
    pub(crate) rows_affected: u64,
    pub(crate) rows_returned: u64,
    pub(crate) elapsed: Duration,
}

impl QueryEvent {
    pub(crate) fn read(event: &Event<'_>) -> Self {
        let mut told = Self::default();
        event.record(&mut told);
        told
    }

    pub(crate) fn text(&self) -> &str {
        let statement = self.statement.trim();
        if statement.is_empty() { &self.summary } else { statement }
    }
}

impl Visit for QueryEvent {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.elapsed = seconds(value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "rows_affected" => self.rows_affected = value,
            "rows_returned" => self.rows_returned = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}

/// An event of the target `sqlx::pool::acquire`.
#[derive(Default)]
pub(crate) struct AcquireEvent {
    pub(crate) waited: Duration,
}

impl AcquireEvent {
    pub(crate) fn read(event: &Event<'_>) -> Self {
        let mut told = Self::default();
        event.record(&mut told);
        told
    }
}

impl Visit for AcquireEvent {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "acquired_after_secs" {
            self.waited = seconds(value);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}
