//! An HTTP request as the checked bytes of one OTLP request.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use journey_model::stream;
use journey_otlp::wire::{self, WireError};
use thiserror::Error;

use crate::limits::{BODY_READ_TIME_MAX, REQUEST_BYTES_MAX};

/// A request that can never be taken; sending it again is of no use.
#[derive(Debug, Error)]
pub(crate) enum Rejection {
    #[error("the body breaks its {encoding} encoding: {reason}")]
    BadEncoding { encoding: &'static str, reason: std::io::Error },
    #[error(transparent)]
    BadOtlp(#[from] WireError),
    #[error("the body did not arrive: {0}")]
    Broken(Box<dyn std::error::Error + Send + Sync>),
    #[error("the body did not arrive within {} s", BODY_READ_TIME_MAX.as_secs())]
    Slow,
    #[error("{0}")]
    TooLarge(String),
    #[error("content encoding {0:?} is not known: send gzip, zstd or none")]
    UnknownEncoding(String),
    #[error("content type {0:?} is not taken: send {expected} (OTLP/HTTP protobuf)", expected = stream::CONTENT_TYPE)]
    UnknownType(String),
}

/// One OTLP request whose framing is whole.
pub(crate) struct OtlpBody {
    pub(crate) bytes: Bytes,
    /// Spans in it, broken ones included: judging single spans is the readers' work.
    pub(crate) spans: usize,
}

/// Reads, decompresses and checks one request.
///
/// # Errors
/// Why it can never be taken.
pub(crate) async fn read(request: Request<Body>) -> Result<OtlpBody, Rejection> {
    let (head, body) = request.into_parts();
    check_type(&head.headers)?;
    let encoding = Encoding::of(&head.headers)?;
    let sent =
        tokio::time::timeout(BODY_READ_TIME_MAX, collect(body)).await.map_err(|_| Rejection::Slow)??;
    let bytes = encoding.decode(sent)?;
    let spans = wire::check(&bytes)?;
    Ok(OtlpBody { bytes, spans })
}

async fn collect(body: Body) -> Result<Bytes, Rejection> {
    match Limited::new(body, REQUEST_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Rejection::Broken(error)),
    }
}

fn too_large() -> Rejection {
    Rejection::TooLarge(format!("the body has more than {REQUEST_BYTES_MAX} bytes"))
}

fn check_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let value = text(headers, header::CONTENT_TYPE);
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(stream::CONTENT_TYPE) {
        return Ok(());
    }
    Err(Rejection::UnknownType(media_type.to_owned()))
}

/// How the body was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Identity,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let value = text(headers, header::CONTENT_ENCODING);
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Encoding::Identity),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            stream::ENCODING_ZSTD => Ok(Encoding::Zstd),
            other => Err(Rejection::UnknownEncoding(other.to_owned())),
        }
    }

    fn decode(self, sent: Bytes) -> Result<Bytes, Rejection> {
        match self {
            Encoding::Identity => Ok(sent),
            Encoding::Gzip => inflate("gzip", flate2::read::MultiGzDecoder::new(&sent[..])),
            Encoding::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&sent[..])
                    .map_err(|reason| Rejection::BadEncoding { encoding: "zstd", reason })?;
                inflate("zstd", decoder)
            }
        }
    }
}

/// Reads one byte past the limit at most: a small body may hold gigabytes.
fn inflate(encoding: &'static str, decoder: impl Read) -> Result<Bytes, Rejection> {
    let mut bytes = Vec::new();
    decoder
        .take(REQUEST_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|reason| Rejection::BadEncoding { encoding, reason })?;
    if bytes.len() > REQUEST_BYTES_MAX {
        return Err(too_large());
    }
    Ok(bytes.into())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const BODY: &[u8] = &[0x0a, 4, 0x12, 2, 0x12, 0];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("a Vec takes everything");
        encoder.finish().expect("a Vec takes everything")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).expect("a Vec takes everything")
    }

    async fn try_read(content_type: &str, encoding: &str, body: Vec<u8>) -> Result<OtlpBody, Rejection> {
        let mut request = Request::post("/v1/traces").header("content-type", content_type);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        read(request.body(Body::from(body)).expect("all headers are valid")).await
    }

    /// Scenario: the same body comes plain, gzipped and as zstd.
    /// Guarantees: the bytes behind it and its spans are the same.
    #[tokio::test]
    async fn encodings_are_undone() {
        for (encoding, body) in [("", BODY.to_vec()), ("gzip", gzip(BODY)), ("ZSTD", zstd(BODY))] {
            let read = try_read("application/x-protobuf; charset=binary", encoding, body).await;
            let read = read.unwrap_or_else(|reason| panic!("{encoding}: {reason}"));
            assert_eq!((&read.bytes[..], read.spans), (BODY, 1), "{encoding}");
        }
    }

    /// Scenario: requests that can never be taken.
    /// Guarantees: each is rejected with a sentence that names what is wrong and, for broken OTLP, the place.
    #[tokio::test]
    async fn rejections_name_the_reason() {
        let protobuf = "application/x-protobuf";
        let cases = [
            ("application/json", "", b"{}".to_vec(), "send application/x-protobuf"),
            (protobuf, "br", BODY.to_vec(), "content encoding \"br\""),
            (protobuf, "gzip", BODY.to_vec(), "breaks its gzip encoding"),
            (protobuf, "zstd", BODY.to_vec(), "breaks its zstd encoding"),
            (protobuf, "", vec![0x0a, 9, 0x12], "at byte"),
            (protobuf, "", vec![0; REQUEST_BYTES_MAX + 1], "more than"),
            (protobuf, "gzip", gzip(&vec![0; REQUEST_BYTES_MAX + 1]), "more than"),
            (protobuf, "zstd", zstd(&vec![0; REQUEST_BYTES_MAX + 1]), "more than"),
        ];
        for (content_type, encoding, body, expected) in cases {
            let Err(reason) = try_read(content_type, encoding, body).await else {
                panic!("{content_type} {encoding} was taken, expected: {expected}");
            };
            assert!(reason.to_string().contains(expected), "{reason}, expected: {expected}");
        }
    }
}
