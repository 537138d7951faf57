//! What a request or a message can fail with.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

use crate::database::may_pass;

/// A request or a message that failed.
#[derive(Debug, Error)]
pub(crate) enum CrmError {
    #[error("{0}")]
    Conflict(&'static str),
    #[error("the database did not do it")]
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
            Self::Database(error) => may_pass(error),
            Self::Conflict(_) | Self::NoMessageId | Self::UnknownOrder | Self::UnreadableMessage(_) => false,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Database(error) if may_pass(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
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
