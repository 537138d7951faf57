//! What a collector answered.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// What to do about a request, by the [OTLP/HTTP specification](https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken.
    Taken,
    /// Not now: the same again later, not before `after` if it is said.
    Later {
        /// For people.
        reason: String,
        /// From `Retry-After`.
        after: Option<Duration>,
    },
    /// Never: the same again would be refused again.
    Refused {
        /// For people.
        reason: String,
    },
}

impl Answer {
    pub(super) fn of(result: Result<Response, reqwest::Error>) -> Self {
        match result {
            Ok(response) => Self::of_status(response.status(), response.headers()),
            Err(error) => Answer::Later { reason: root_cause(&error), after: None },
        }
    }

    fn of_status(status: StatusCode, headers: &HeaderMap) -> Self {
        let reason = format!("status {status}");
        match status {
            _ if status.is_success() => Answer::Taken,
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Answer::Later { reason, after: retry_after(headers) },
            _ => Answer::Refused { reason },
        }
    }
}

/// Only the form in seconds: collectors send no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The innermost reason; the outer ones repeat the URL, which may hold secrets.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

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
            let answer = Answer::of_status(StatusCode::from_u16(code).unwrap(), &headers);
            assert!(
                matches!(answer, Answer::Later { after: Some(after), .. } if after.as_secs() == 7),
                "{code}"
            );
        }
        for code in [301, 400, 401, 404, 413, 500] {
            let answer = Answer::of_status(StatusCode::from_u16(code).unwrap(), &headers);
            assert!(matches!(answer, Answer::Refused { .. }), "{code}");
        }
        assert_eq!(Answer::of_status(StatusCode::OK, &headers), Answer::Taken);
    }
}
