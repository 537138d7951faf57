//! OTLP over HTTP. Source: [OTLP specification 1.9](https://opentelemetry.io/docs/specs/otlp/#otlphttp).

use std::time::Duration;

use journey_otlp::answer;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::config::Compression;
use crate::export::answer::Answer;

use super::read;

pub(super) fn with_headers(request: RequestBuilder, compression: Compression) -> RequestBuilder {
    let request = request.header(CONTENT_TYPE, PROTOBUF);
    match compression {
        Compression::Gzip => request.header(CONTENT_ENCODING, "gzip"),
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
    // The head has said the most important thing; an end that is missing does not take it back.
    let body = read::content(response).await.unwrap_or_default().bytes;
    let body = if is_protobuf(&headers) { &body[..] } else { &[] };
    if status.is_success() {
        return Answer::taken(answer::read_accepted(body).unwrap_or_default());
    }
    refused(status, &headers, &answer::read_failed(body).unwrap_or_default().message)
}

/// Only the codes that the specification names are retried.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, message: &str) -> Answer {
    let reason = match message {
        "" => format!("status {status}"),
        message => format!("status {status}: {message}"),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Answer::later(&reason, retry_after(headers)),
        _ => Answer::refused(&reason),
    }
}

/// Only the form in seconds: collectors send no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(PROTOBUF.as_bytes()))
}

const PROTOBUF: &str = "application/x-protobuf";

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the status codes of the specification, with and without `Retry-After`.
    /// Guarantees: only those it names are retried.
    #[test]
    fn only_named_codes_are_retried() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        for code in [429, 502, 503, 504] {
            let answer = refused(StatusCode::from_u16(code).unwrap(), &headers, "");
            assert!(
                matches!(answer, Answer::Later { after: Some(after), .. } if after.as_secs() == 7),
                "{code}"
            );
        }
        for code in [301, 400, 401, 404, 413, 500] {
            let answer = refused(StatusCode::from_u16(code).unwrap(), &headers, "");
            assert!(matches!(answer, Answer::Refused { .. }), "{code}");
        }
    }

    /// Scenario: an answer that is too long to keep, good and bad.
    /// Guarantees: the status counts.
    #[tokio::test]
    async fn a_long_answer_has_its_status() {
        for (status, is_taken) in [(200, true), (400, false)] {
            let body = vec![b'x'; crate::limits::ANSWER_BYTES_MAX + 1];
            let response = http::Response::builder().status(status).header(CONTENT_TYPE, PROTOBUF).body(body);
            let answer = answer(Ok(Response::from(response.unwrap()))).await;
            assert_eq!(matches!(answer, Answer::Taken { rejected: 0, .. }), is_taken, "{answer:?}");
        }
    }
}
