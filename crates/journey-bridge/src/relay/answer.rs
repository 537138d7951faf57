//! Answers in the form that OTLP/HTTP asks for: protobuf, errors as a `google.rpc.Status`.
//!
//! Source: OTLP specification 1.9, "OTLP/HTTP Response".

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use journey_model::stream;

use super::Refusal;
use super::request::Rejection;
use crate::limits::RETRY_AFTER_S;
use crate::split::{SplitError, WIRE_BYTES, put_varint};

/// All of the request is safe with the broker. An empty body is an `ExportTraceServiceResponse` without remarks.
pub(crate) fn taken() -> Response {
    protobuf(StatusCode::OK, Vec::new())
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
    let mut body = Vec::with_capacity(message.len() + 4);
    put_varint(&mut body, STATUS_MESSAGE << 3 | WIRE_BYTES);
    put_varint(&mut body, message.len() as u64);
    body.extend_from_slice(message.as_bytes());
    protobuf(status, body)
}

fn protobuf(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, stream::CONTENT_TYPE)], body).into_response()
}

/// Field `message` of `google.rpc.Status`.
const STATUS_MESSAGE: u64 = 2;
