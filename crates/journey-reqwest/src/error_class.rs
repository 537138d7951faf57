//! `error.type` of an attempt without a whole response: one of a few words.

use std::error::Error;

use journey_trace::http::{
    ERROR_BODY, ERROR_CONNECT, ERROR_DNS, ERROR_OTHER, ERROR_TIMEOUT, ERROR_TLS, is_handshake_error,
};

/// The word for an error of the whole attempt.
pub(crate) fn of_attempt(error: &reqwest_middleware::Error) -> &'static str {
    match error {
        // A retry middleware further in wraps the client's error in its own.
        reqwest_middleware::Error::Middleware(error) => journey_trace::http::error_class(error.as_ref()),
        reqwest_middleware::Error::Reqwest(error) => of_client(error),
    }
}

/// The word for an error while the body was read.
pub(crate) fn of_body(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { ERROR_TIMEOUT } else { ERROR_BODY }
}

/// A timeout is one wherever it happened.
fn of_client(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        ERROR_TIMEOUT
    } else if error.is_dns() {
        ERROR_DNS
    } else if error.is_connect() {
        if error.source().is_some_and(is_handshake_error) { ERROR_TLS } else { ERROR_CONNECT }
    } else if error.is_body() || error.is_decode() {
        ERROR_BODY
    } else {
        ERROR_OTHER
    }
}
