//! What a request can fail with, and the answer the caller sees.

use std::io;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

use crate::crm::CrmError;
use crate::database::may_pass;
use crate::stl_head::NotStl;

/// A request that failed.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    Conflict(&'static str),
    #[error(transparent)]
    Crm(#[from] CrmError),
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    #[error("the model cannot be kept")]
    Files(#[from] io::Error),
    #[error("there is no {0} with this id")]
    NotFound(&'static str),
    #[error("this is no id of an order")]
    NoOrderId,
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the upload broke off")]
    UploadBroken(#[source] axum::Error),
    #[error("the upload stalled")]
    UploadStalled,
    #[error(transparent)]
    UnreadableModel(#[from] NotStl),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Crm(CrmError::Refused { status, .. }) => *status,
            Self::Crm(CrmError::Unreachable(_)) => StatusCode::BAD_GATEWAY,
            Self::Database(error) if may_pass(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Files(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::UploadBroken(_) => StatusCode::BAD_REQUEST,
            Self::UploadStalled => StatusCode::REQUEST_TIMEOUT,
            Self::NoOrderId | Self::TooLarge(_) | Self::UnreadableModel(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            // The cause is for us; the caller gets the sentence without it.
            tracing::error!(cause = std::error::Error::source(&self), "{self}");
        }
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
