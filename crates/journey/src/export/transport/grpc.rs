//! OTLP over gRPC: one unary call over HTTP/2.
//!
//! Sources: [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) and
//! [OTLP specification 1.9](https://opentelemetry.io/docs/specs/otlp/#otlpgrpc). A whole gRPC library would be another
//! HTTP stack beside the one that is here already, for five bytes and two headers.

use std::time::Duration;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut, Bytes, BytesMut};
use journey_otlp::answer;
use percent_encoding::percent_decode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, TE};
use reqwest::{RequestBuilder, Response};

use crate::config::Compression;
use crate::export::answer::Answer;

use super::read::{self, Content};

/// One message: whether it is compressed, its length, itself.
pub(super) fn frame(body: &[u8], compression: Compression) -> Bytes {
    let length = u32::try_from(body.len()).expect("bodies are closed at a size far below 4 GiB");
    let mut framed = BytesMut::with_capacity(HEAD_BYTES + body.len());
    framed.put_u8(u8::from(compression == Compression::Gzip));
    framed.put_u32(length);
    framed.put_slice(body);
    framed.freeze()
}

/// The message of a frame; nothing of one that is compressed, which we do not ask for.
fn message(content: &[u8]) -> &[u8] {
    match content.split_first_chunk::<HEAD_BYTES>() {
        Some(([0, ..], message)) => message,
        _ => &[],
    }
}

pub(super) fn with_headers(
    request: RequestBuilder,
    compression: Compression,
    timeout: Duration,
) -> RequestBuilder {
    let request = request
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header("grpc-timeout", format!("{}m", timeout.as_millis().min(TIMEOUT_MS_MAX)));
    match compression {
        Compression::Gzip => request.header("grpc-encoding", "gzip"),
        Compression::None => request,
    }
}

pub(super) async fn answer(result: Result<Response, reqwest::Error>) -> Answer {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Answer::unreachable(&error),
    };
    let status = response.status();
    let headers = response.headers().clone();
    let content = match read::content(response).await {
        Ok(content) => content,
        Err(error) => return Answer::unreachable(&error),
    };
    // A refusal without a message has its status in the headers: the answer consists of trailers only.
    let said = [&content.trailers, &headers].into_iter().find(|headers| headers.contains_key(STATUS));
    match said {
        Some(said) => of_status(said, &content),
        // Some proxy answered, not the collector.
        None if !status.is_success() => super::http::refused(status, &headers, ""),
        None => Answer::later("an answer without grpc-status", None),
    }
}

fn of_status(said: &HeaderMap, content: &Content) -> Answer {
    let text =
        |name| said.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    let code: u32 = text(STATUS).trim().parse().unwrap_or(UNKNOWN);
    if code == OK {
        return Answer::taken(answer::read_accepted(message(&content.bytes)).unwrap_or_default());
    }
    let message = text("grpc-message");
    let message = percent_decode(message.as_bytes()).decode_utf8_lossy();
    let reason = format!("grpc-status {code} {message}");
    let after = retry_info(&text("grpc-status-details-bin"));
    match code {
        CANCELLED | DEADLINE_EXCEEDED | ABORTED | OUT_OF_RANGE | UNAVAILABLE | DATA_LOSS => {
            Answer::later(reason.trim(), after)
        }
        RESOURCE_EXHAUSTED if after.is_some() => Answer::later(reason.trim(), after),
        _ => Answer::refused(reason.trim()),
    }
}

/// The delay that a `RetryInfo` asks for.
fn retry_info(details: &str) -> Option<Duration> {
    let status = LENIENT.decode(details.trim()).ok()?;
    answer::read_failed(&status).ok()?.retry_after
}

/// Senders are free to pad.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const STATUS: &str = "grpc-status";

/// Compressed or not, and four bytes of length.
const HEAD_BYTES: usize = 5;

/// A timeout has at most eight digits.
const TIMEOUT_MS_MAX: u128 = 99_999_999;

/// [Status codes](https://github.com/grpc/grpc/blob/master/doc/statuscodes.md). All but these are final.
const OK: u32 = 0;
const CANCELLED: u32 = 1;
const UNKNOWN: u32 = 2;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;
const ABORTED: u32 = 10;
const OUT_OF_RANGE: u32 = 11;
const UNAVAILABLE: u32 = 14;
const DATA_LOSS: u32 = 15;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use reqwest::Body;

    use crate::limits::ANSWER_BYTES_MAX;

    use super::*;

    fn said(code: u32, details: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, code.into());
        headers.insert("grpc-message", "no%20room".parse().unwrap());
        headers.insert("grpc-status-details-bin", details.parse().unwrap());
        headers
    }

    /// Scenario: every status code, without details.
    /// Guarantees: only those are retried that the specification of OTLP names.
    #[test]
    fn only_named_codes_are_retried() {
        let retried: Vec<u32> = (1..=16)
            .filter(|code| matches!(of_status(&said(*code, ""), &Content::default()), Answer::Later { .. }))
            .collect();
        assert_eq!(retried, [1, 4, 10, 11, 14, 15]);
        let Answer::Refused { reason } = of_status(&said(3, ""), &Content::default()) else {
            panic!("no refusal")
        };
        assert_eq!(reason, "grpc-status 3 no room");
    }

    /// Scenario: `RESOURCE_EXHAUSTED` with a `RetryInfo` of 2 s, padded or not.
    /// Guarantees: it is retried after that time.
    #[test]
    fn exhaustion_with_a_delay_is_retried() {
        // Status { code: 8, details: [Any { "x.com/google.rpc.RetryInfo", RetryInfo { 2 s } }] }
        let status = [8, 8, 26, 34]
            .into_iter()
            .chain([10, 26])
            .chain(*b"x.com/google.rpc.RetryInfo")
            .chain([18, 4, 10, 2, 8, 2])
            .collect::<Vec<u8>>();
        for text in [
            base64::engine::general_purpose::STANDARD.encode(&status),
            base64::engine::general_purpose::STANDARD_NO_PAD.encode(&status),
        ] {
            let answer = of_status(&said(8, &text), &Content::default());
            assert!(
                matches!(answer, Answer::Later { after: Some(after), .. } if after.as_secs() == 2),
                "{answer:?}"
            );
        }
    }

    /// Scenario: an answer with trailers, too long to keep, in frames of 1 kB: taken, and not now.
    /// Guarantees: the trailers count. Once they were thrown away with the body, and what the collector had taken was
    /// sent again for minutes.
    #[tokio::test]
    async fn a_long_answer_has_its_trailers() {
        for (code, is_taken) in [(OK, true), (UNAVAILABLE, false)] {
            let frames =
                (0..=ANSWER_BYTES_MAX / 1024).map(|_| Frame::data(Bytes::from_static(&[b'x'; 1024])));
            let frames = frames.chain([Frame::trailers(said(code, ""))]);
            let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
            let response = Response::from(http::Response::new(Body::wrap(body)));
            let answer = answer(Ok(response)).await;
            assert_eq!(matches!(answer, Answer::Taken { rejected: 0, .. }), is_taken, "{answer:?}");
        }
    }

    /// Scenario: a body is framed, and the frame is read.
    /// Guarantees: five bytes before it, and the same message out of it.
    #[test]
    fn frames() {
        let framed = frame(b"abc", Compression::None);
        assert_eq!(&framed[..], b"\0\0\0\0\x03abc");
        assert_eq!(message(&framed), b"abc");
        assert_eq!(message(&frame(b"abc", Compression::Gzip)), b"");
        assert_eq!(message(b""), b"");
    }
}
