//! What a request or a message can fail with.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

/// A request or a message that failed.
#[derive(Debug, Error)]
pub(crate) enum CrmError {
    #[error("{0}")]
    Conflict(&'static str),
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("the message has no id")]
    NoMessageId,
    #[error("there is no order with this id")]
    UnknownOrder,
    #[error("the message is no JSON of the agreed form")]
    UnreadableMessage(#[from] serde_json::Error),
}

impl CrmError {
    /// Whether the same thing may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| may_pass(&code)),
            Self::Database(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::Tls(_)
            ),
            Self::Conflict(_) | Self::NoMessageId | Self::UnknownOrder | Self::UnreadableMessage(_) => false,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownOrder => StatusCode::NOT_FOUND,
            Self::NoMessageId | Self::UnreadableMessage(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl IntoResponse for CrmError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            // The cause is for us; the caller gets the sentence without it.
            tracing::error!(cause = std::error::Error::source(&self), "{self}");
        }
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

/// PostgreSQL's classes of errors that are over after a while: connection (08), serialization and deadlock (40), too few
/// resources (53), server starting or stopping (57P).
/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>
fn may_pass(code: &str) -> bool {
    ["08", "40", "53", "57P"].iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the database is away, the data is wrong, the message is nonsense.
    /// Guarantees: only the first is worth waiting for.
    #[test]
    fn only_an_absent_database_is_waited_for() {
        let away = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(CrmError::Database(sqlx::Error::PoolTimedOut).is_transient());
        assert!(CrmError::Database(away.into()).is_transient());
        assert!(may_pass("57P01") && may_pass("40001") && !may_pass("23505"));
        assert!(!CrmError::Database(sqlx::Error::RowNotFound).is_transient());
        assert!(!CrmError::UnknownOrder.is_transient());
    }
}
