//! Bounded reading of answers.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use reqwest::header::HeaderMap;
use reqwest::{Body, Response};

use crate::limits::ANSWER_BYTES_MAX;

/// The body, and what comes after it.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Empty if it is longer than [`ANSWER_BYTES_MAX`].
    pub(super) bytes: Bytes,
    pub(super) trailers: HeaderMap,
}

/// Reads to the end, within the request's time: the connection can be used again, and gRPC tells by the trailers how it
/// went. Of a body that is too long nothing else is kept.
pub(super) async fn content(response: Response) -> Result<Content, reqwest::Error> {
    let mut body = Body::from(response);
    let mut bytes = BytesMut::new();
    let mut content = Content::default();
    let mut is_too_long = false;
    while let Some(frame) = body.frame().await {
        let frame = match frame?.into_data() {
            Ok(data) => {
                is_too_long |= bytes.len() + data.len() > ANSWER_BYTES_MAX;
                if !is_too_long {
                    bytes.extend_from_slice(&data);
                }
                continue;
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            content.trailers = trailers;
        }
    }
    if !is_too_long {
        content.bytes = bytes.freeze();
    }
    Ok(content)
}
