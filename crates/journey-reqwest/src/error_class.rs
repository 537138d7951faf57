//! `error.type` of an attempt without a response: one of a few words.

use std::error::Error;
use std::io;

/// Connecting failed.
const CONNECT: &str = "connect";
/// The host has no address.
const DNS: &str = "dns";
/// The body ended early, or could not be decoded.
const BODY: &str = "body";
/// None of the others.
const OTHER: &str = "_OTHER";
/// A deadline passed, while connecting, waiting or reading.
const TIMEOUT: &str = "timeout";
/// The handshake failed.
const TLS: &str = "tls";

/// The word for an error of the whole attempt.
pub(crate) fn of_attempt(error: &reqwest_middleware::Error) -> &'static str {
    match error {
        reqwest_middleware::Error::Middleware(_) => OTHER,
        reqwest_middleware::Error::Reqwest(error) => of_client(error),
    }
}

/// The word for an error while the body was read.
pub(crate) fn of_body(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { TIMEOUT } else { BODY }
}

/// A timeout is one wherever it happened.
fn of_client(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        TIMEOUT
    } else if error.is_dns() {
        DNS
    } else if error.is_connect() {
        if error.source().is_some_and(is_handshake) { TLS } else { CONNECT }
    } else if error.is_body() || error.is_decode() {
        BODY
    } else {
        OTHER
    }
}

/// Whether a failed connect got as far as TLS. The TLS libraries share no error type, so their words have to do;
/// a broken record is `InvalidData`, which no socket says.
fn is_handshake(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source()).any(|error| {
        let broken =
            error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::InvalidData);
        broken || says_handshake(&error.to_string().to_ascii_lowercase())
    })
}

fn says_handshake(text: &str) -> bool {
    ["certificate", "handshake", "ssl", "tls"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: errors as rustls, OpenSSL and the socket word them.
    /// Guarantees: only the first two are of the handshake.
    #[test]
    fn handshakes_are_told_from_sockets() {
        let certificate = io::Error::other("invalid peer certificate: UnknownIssuer");
        assert!(is_handshake(&certificate));
        assert!(is_handshake(&io::Error::from(io::ErrorKind::InvalidData)));
        assert!(!is_handshake(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
