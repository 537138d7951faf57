//! What an error of sqlx says on a span.

use std::borrow::Cow;

use journey_trace::SpanGuard;
use opentelemetry::KeyValue;
use sqlx_core::Error;

use crate::key::DB_RESPONSE_STATUS_CODE;

/// Writes an error on a span: `error.type`, the SQLSTATE if the server sent one, and a message that holds no
/// value of the business. That no row was found is an answer, no error.
pub(crate) fn record(error: &Error, span: &SpanGuard) {
    if !span.is_recording() || !is_failure(error) {
        return;
    }
    let Some(sqlstate) = sqlstate(error) else {
        return span.fail(kind(error), description(error));
    };
    span.set_attribute(KeyValue::new(DB_RESPONSE_STATUS_CODE, sqlstate.clone()));
    let description = if is_message_without_values(&sqlstate) { message(error) } else { String::new() };
    span.fail(sqlstate, description);
}

/// Whether the server refused the statement, which also makes the rest of its transaction void.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Database(_)) && is_failure(error)
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

fn sqlstate(error: &Error) -> Option<String> {
    error.as_database_error()?.code().map(Cow::into_owned)
}

fn message(error: &Error) -> String {
    error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default()
}

/// Whether PostgreSQL's message of this SQLSTATE names at most tables, columns, constraints and functions.
/// Others quote values: `invalid input syntax for type integer: "…"`. DETAIL, where keys are shown, is never
/// used.
fn is_message_without_values(sqlstate: &str) -> bool {
    matches!(sqlstate.get(..2), Some("08" | "23" | "25" | "40" | "53" | "55" | "57" | "58"))
        || matches!(sqlstate, "42P01" | "42703" | "42883")
}

/// The `error.type` of what the server did not say. The list is in the docs of the crate.
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
