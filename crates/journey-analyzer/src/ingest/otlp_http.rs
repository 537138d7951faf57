//! OTLP/HTTP: `POST /v1/traces`, protobuf or JSON, plain, gzip or zstd.
//!
//! The answer is given after the commit: what was accepted is durable. When the engine is busy or the store away,
//! the sender is told to come again.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State, rejection::BytesRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use journey_otlp::{answer, json, wire};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tower_http::decompression::RequestDecompressionLayer;

use crate::limits::{BODY_BYTES_MAX, COMMIT_WAIT_MAX, REQUESTS_MAX};
use crate::{Delivery, Encoding, Outcome, Receipt, telemetry};

/// The receiver's routes.
pub fn router(deliveries: mpsc::Sender<Delivery>) -> Router {
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    Router::new()
        .route("/v1/traces", post(traces))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(RequestDecompressionLayer::new())
        .layer(middleware::from_fn_with_state(places, take_place))
        .with_state(deliveries)
}

/// Bounds the bodies in memory: a request without a place is told to come again before its body is read.
async fn take_place(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => refused(encoding(request.headers()).unwrap_or(Encoding::Protobuf), "busy"),
    }
}

async fn traces(
    State(deliveries): State<mpsc::Sender<Delivery>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let encoding = match encoding(&headers) {
        Ok(encoding) => encoding,
        Err(content_type) => {
            let message = format!(
                "content type `{content_type}` is not taken; send application/x-protobuf or application/json"
            );
            return failure(Encoding::Protobuf, StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
        }
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body has more than {BODY_BYTES_MAX} bytes after decompression");
            return failure(encoding, StatusCode::PAYLOAD_TOO_LARGE, &message);
        }
        Err(rejection) => return failure(encoding, StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    if let Err(what) = check(encoding, &body) {
        metrics::counter!(telemetry::REJECTED, "reason" => "broken_body").increment(1);
        return failure(encoding, StatusCode::BAD_REQUEST, &what);
    }
    match deliver(&deliveries, SOURCE, encoding, body).await {
        Ok(outcome) => success(encoding, &outcome),
        Err(reason) => refused(encoding, reason),
    }
}

fn refused(encoding: Encoding, reason: &'static str) -> Response {
    metrics::counter!(telemetry::REFUSED, "reason" => reason).increment(1);
    let message = format!("not taken ({reason}); come again");
    let mut response = failure(encoding, StatusCode::SERVICE_UNAVAILABLE, &message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    response
}

/// The content type's encoding; an absent one is protobuf.
fn encoding(headers: &HeaderMap) -> Result<Encoding, String> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Encoding::Protobuf) };
    let value = String::from_utf8_lossy(value.as_bytes());
    match value.split(';').next().unwrap_or_default().trim() {
        "application/x-protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        _ => Err(value.into_owned()),
    }
}

/// All or nothing: a body that breaks off in the middle is refused before its first span is taken.
pub(super) fn check(encoding: Encoding, body: &[u8]) -> Result<(), String> {
    match encoding {
        Encoding::Protobuf => wire::check(body).map(|_| ()).map_err(|error| error.to_string()),
        Encoding::Json => json::walk(body, |_, _| ()).map_err(|error| error.to_string()),
    }
}

/// Hands a body over and waits for its commit.
pub(super) async fn deliver(
    deliveries: &mpsc::Sender<Delivery>,
    source: &'static str,
    encoding: Encoding,
    body: Bytes,
) -> Result<Outcome, &'static str> {
    let (answer, outcome) = oneshot::channel();
    let delivery = Delivery { body, encoding, receipt: Receipt::Request { source, answer } };
    deliveries.try_send(delivery).map_err(|_| "busy")?;
    match timeout(COMMIT_WAIT_MAX, outcome).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(_)) => Err("stopping"),
        Err(_) => Err("store_away"),
    }
}

fn success(encoding: Encoding, outcome: &Outcome) -> Response {
    let reason = outcome.reason.as_deref().unwrap_or_default();
    match encoding {
        Encoding::Protobuf => protobuf(StatusCode::OK, answer::accepted(outcome.rejected_spans, reason)),
        Encoding::Json if outcome.rejected_spans == 0 => axum::Json(serde_json::json!({})).into_response(),
        Encoding::Json => {
            let rejected = outcome.rejected_spans.to_string();
            let partial = serde_json::json!({ "rejectedSpans": rejected, "errorMessage": reason });
            axum::Json(serde_json::json!({ "partialSuccess": partial })).into_response()
        }
    }
}

fn failure(encoding: Encoding, status: StatusCode, message: &str) -> Response {
    match encoding {
        Encoding::Protobuf => protobuf(status, answer::failed(message)),
        Encoding::Json => (status, axum::Json(serde_json::json!({ "message": message }))).into_response(),
    }
}

fn protobuf(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-protobuf")], body).into_response()
}

/// Name of this source in metrics.
const SOURCE: &str = "otlp_http";

/// Seconds after which a refused sender should come again.
const RETRY_AFTER_S: &str = "2";
