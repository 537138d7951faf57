//! Answers in the form that OTLP/HTTP asks for: protobuf, errors as a `google.rpc.Status`.
//!
//! Source: OTLP specification 1.9, "OTLP/HTTP Response".

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use journey_model::stream;
use journey_otlp::answer;

use super::Refusal;
use super::request::Rejection;
use crate::limits::RETRY_AFTER_S;
use crate::split::SplitError;

/// All of the request is safe with the broker. An empty body is an `ExportTraceServiceResponse` without remarks.
pub(crate) fn taken() -> Response {
    protobuf(StatusCode::OK, answer::accepted(0, ""))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, &self.to_string());
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        response
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = match self {
            Rejection::BadEncoding { .. } | Rejection::BadOtlp(_) | Rejection::Broken(_) => {
                StatusCode::BAD_REQUEST
            }
            Rejection::Slow => StatusCode::REQUEST_TIMEOUT,
            Rejection::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Rejection::UnknownEncoding(_) | Rejection::UnknownType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        };
        failure(status, &self.to_string())
    }
}

impl From<SplitError> for Rejection {
    fn from(error: SplitError) -> Self {
        Rejection::TooLarge(error.to_string())
    }
}

fn failure(status: StatusCode, message: &str) -> Response {
    protobuf(status, answer::failed(message))
}

fn protobuf(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, stream::CONTENT_TYPE)], body).into_response()
}
