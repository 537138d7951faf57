//! What a request or a message can fail with.

use std::io;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

use crate::database::may_pass;
use crate::pricing::StlError;

/// A request or a message that failed.
#[derive(Debug, Error)]
pub(crate) enum MesError {
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    #[error("the model cannot be kept")]
    Files(#[from] io::Error),
    #[error("the message has no id")]
    NoMessageId,
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("there is no {0} with this id")]
    Unknown(&'static str),
    #[error("the message is no JSON of the agreed form")]
    UnreadableMessage(#[from] serde_json::Error),
    #[error(transparent)]
    UnreadableModel(#[from] StlError),
    #[error("the upload broke off")]
    UploadBroken(#[source] axum::Error),
    #[error("the upload stalled")]
    UploadStalled,
}

impl MesError {
    /// Whether the same thing may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => may_pass(error),
            Self::Files(_) => true,
            Self::NoMessageId
            | Self::TooLarge(_)
            | Self::Unknown(_)
            | Self::UnreadableMessage(_)
            | Self::UnreadableModel(_)
            | Self::UploadBroken(_)
            | Self::UploadStalled => false,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Database(error) if may_pass(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Files(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::UploadBroken(_) => StatusCode::BAD_REQUEST,
            Self::UploadStalled => StatusCode::REQUEST_TIMEOUT,
            Self::NoMessageId | Self::TooLarge(_) | Self::UnreadableMessage(_) | Self::UnreadableModel(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }
}

impl IntoResponse for MesError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            // The cause is for us; the caller gets the sentence without it.
            tracing::error!(cause = std::error::Error::source(&self), "{self}");
        }
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
