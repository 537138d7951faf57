//! What an error of sqlx says on a span and on a metric.

use std::borrow::Cow;

use journey_trace::SpanGuard;
use opentelemetry::KeyValue;
use sqlx_core::Error;

use crate::key::{DB_RESPONSE_STATUS_CODE, JOURNEY_DB_CONSTRAINT, JOURNEY_DB_RETRYABLE};

/// An error, without any value of the business.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The SQLSTATE if the server sent one, else a name. The list is in the docs of the crate.
    pub(crate) error_type: Cow<'static, str>,
    /// Whether `error_type` is a SQLSTATE.
    is_sqlstate: bool,
    description: String,
    constraint: Option<String>,
}

impl Failure {
    /// `None` for what is an answer and no error: that no row was found, and warnings.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        if !is_failure(error) {
            return None;
        }
        let database = error.as_database_error();
        let Some(sqlstate) = database.and_then(|error| error.code()) else {
            let (error_type, description) = (kind(error), description(error));
            return Some(Self { error_type, is_sqlstate: false, description, constraint: None });
        };
        let is_harmless = is_message_without_values(&sqlstate);
        let message = database.map(|error| error.message()).filter(|_| is_harmless);
        Some(Self {
            is_sqlstate: true,
            description: message.unwrap_or_default().to_owned(),
            constraint: database.and_then(|error| error.constraint()).map(str::to_owned),
            error_type: Cow::Owned(sqlstate.into_owned()),
        })
    }

    /// The SQLSTATE, if the server sent one.
    pub(crate) fn sqlstate(&self) -> Option<&str> {
        self.is_sqlstate.then_some(&self.error_type)
    }

    /// Writes it on a span.
    pub(crate) fn record(self, span: &SpanGuard) {
        if let Some(sqlstate) = self.sqlstate() {
            span.set_attribute(KeyValue::new(DB_RESPONSE_STATUS_CODE, sqlstate.to_owned()));
            if is_retryable(sqlstate) {
                span.set_attribute(KeyValue::new(JOURNEY_DB_RETRYABLE, true));
            }
        }
        if let Some(constraint) = self.constraint {
            span.set_attribute(KeyValue::new(JOURNEY_DB_CONSTRAINT, constraint));
        }
        span.fail(self.error_type, self.description);
    }
}

/// Writes an error on a span, if it is one and somebody will see it.
pub(crate) fn record(error: &Error, span: &SpanGuard) {
    if span.is_recording()
        && let Some(failure) = Failure::of(error)
    {
        failure.record(span);
    }
}

/// Whether the server refused the statement, which also makes the rest of its transaction void.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Database(_)) && is_failure(error)
}

/// Whether there is no connection any more, and so no transaction on it either.
pub(crate) fn is_loss(error: &Error) -> bool {
    match error {
        Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
        }
        Error::Io(_) | Error::Tls(_) | Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Serialization failures and deadlocks; a server that is lost, shuts down, or is out of resources.
fn is_retryable(sqlstate: &str) -> bool {
    matches!(sqlstate, "40001" | "40P01")
        || ["08", "53", "57P0"].iter().any(|class| sqlstate.starts_with(class))
}

/// Classes 00 and 01 of SQLSTATE are success and warning.
fn is_failure(error: &Error) -> bool {
    match error {
        Error::RowNotFound => false,
        Error::Database(error) => {
            !error.code().is_some_and(|code| code.starts_with("00") || code.starts_with("01"))
        }
        _ => true,
    }
}

/// Whether PostgreSQL's message of this SQLSTATE names at most tables, columns, constraints and functions.
/// Others quote values: `invalid input syntax for type integer: "…"`. DETAIL, where keys are shown, is never
/// used.
fn is_message_without_values(sqlstate: &str) -> bool {
    matches!(sqlstate.get(..2), Some("08" | "23" | "25" | "40" | "53" | "55" | "57" | "58"))
        || matches!(sqlstate, "42P01" | "42703" | "42883")
}

/// The `error.type` of what the server did not say.
fn kind(error: &Error) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        Error::BeginFailed => "BeginFailed",
        Error::Configuration(_) | Error::ConfigFile(_) => "Configuration",
        Error::Decode(_) | Error::ColumnDecode { .. } => "Decode",
        Error::Encode(_) => "Encode",
        Error::InvalidArgument(_) => "InvalidArgument",
        Error::InvalidSavePointStatement => "InvalidSavePointStatement",
        Error::Io(error) => return Cow::Owned(format!("{:?}", error.kind())),
        Error::PoolClosed => "PoolClosed",
        Error::PoolTimedOut => "PoolTimedOut",
        Error::Protocol(_) => "Protocol",
        Error::Tls(_) => "Tls",
        Error::TypeNotFound { .. } => "TypeNotFound",
        Error::WorkerCrashed => "WorkerCrashed",
        _ => "_OTHER",
    })
}

/// The message of an error that can hold no value.
fn description(error: &Error) -> String {
    match error {
        Error::BeginFailed
        | Error::InvalidSavePointStatement
        | Error::Io(_)
        | Error::PoolClosed
        | Error::PoolTimedOut
        | Error::TypeNotFound { .. }
        | Error::WorkerCrashed => error.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: SQLSTATEs of errors that pass, and of errors that stay.
    /// Guarantees: only the former are said to be worth another try.
    #[test]
    fn what_passes_is_retryable() {
        for sqlstate in ["40001", "40P01", "08006", "53300", "57P01", "57P03"] {
            assert!(is_retryable(sqlstate), "{sqlstate}");
        }
        for sqlstate in ["23505", "40002", "42P01", "57014", "XX000"] {
            assert!(!is_retryable(sqlstate), "{sqlstate}");
        }
    }

    /// Scenario: a query that found no row, and a pool that is closed.
    /// Guarantees: the first is no failure.
    #[test]
    fn no_row_is_an_answer() {
        assert!(Failure::of(&Error::RowNotFound).is_none());
        let closed = Failure::of(&Error::PoolClosed).expect("it is a failure");
        assert_eq!((&*closed.error_type, closed.sqlstate()), ("PoolClosed", None));
    }
}
