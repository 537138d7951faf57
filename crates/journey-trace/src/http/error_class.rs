//! `error.type` of an attempt without a whole response: one of a few words.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;

use crate::limits::{ERROR_CLUE_BYTES_MAX, ERROR_SOURCES_MAX};

/// The body ended early, or could not be decoded.
pub const ERROR_BODY: &str = "body";
/// Connecting failed.
pub const ERROR_CONNECT: &str = "connect";
/// The host has no address.
pub const ERROR_DNS: &str = "dns";
/// None of the others.
pub const ERROR_OTHER: &str = "_OTHER";
/// A deadline passed, while connecting, waiting or reading.
pub const ERROR_TIMEOUT: &str = "timeout";
/// The handshake failed.
pub const ERROR_TLS: &str = "tls";

/// The word for an error of any client, as far as it and its sources tell.
///
/// The clients share no error type, so besides the kinds of `std::io::Error` their own words have to do: those of
/// hyper, tower, tonic, tokio, rustls and OpenSSL are known. A timeout is one wherever it happened, a name that was
/// not found and a handshake are told from other connects, and what nothing is known of is [`ERROR_OTHER`]: a
/// connection that breaks before the response is among them. At most [`ERROR_SOURCES_MAX`] errors of the chain and
/// [`ERROR_CLUE_BYTES_MAX`] bytes of each one's text are looked at.
///
/// ```
/// use std::io;
/// use journey_trace::http::error_class;
///
/// assert_eq!(error_class(&io::Error::from(io::ErrorKind::ConnectionRefused)), "connect");
/// assert_eq!(error_class(&io::Error::other("the disk is full")), "_OTHER");
/// ```
pub fn error_class(error: &(dyn Error + 'static)) -> &'static str {
    let mut evidence = Evidence::default();
    for error in chain(error) {
        evidence.add(error);
    }
    evidence.class()
}

/// Whether an error of connecting got as far as TLS.
///
/// ```
/// use std::io;
/// use journey_trace::http::is_handshake_error;
///
/// assert!(is_handshake_error(&io::Error::other("invalid peer certificate: UnknownIssuer")));
/// ```
pub fn is_handshake_error(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| is_broken_record(error) || says(&text_of(error), &HANDSHAKE))
}

#[derive(Default)]
struct Evidence {
    connect: bool,
    dns: bool,
    handshake: bool,
    timeout: bool,
}

impl Evidence {
    fn add(&mut self, error: &(dyn Error + 'static)) {
        let text = text_of(error);
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        self.timeout |= kind == Some(io::ErrorKind::TimedOut) || says(&text, &TIMEOUT);
        self.dns |= says(&text, &DNS);
        self.connect |= kind.is_some_and(|kind| UNREACHED.contains(&kind)) || says(&text, &CONNECT);
        // A URL in a text may have such a word too, so it counts only while connecting.
        self.handshake |= self.connect && (is_broken_record(error) || says(&text, &HANDSHAKE));
    }

    fn class(&self) -> &'static str {
        match self {
            Self { timeout: true, .. } => ERROR_TIMEOUT,
            Self { dns: true, .. } => ERROR_DNS,
            Self { handshake: true, .. } => ERROR_TLS,
            Self { connect: true, .. } => ERROR_CONNECT,
            _ => ERROR_OTHER,
        }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| inner(*error)).take(ERROR_SOURCES_MAX)
}

/// What an error was made of. An `io::Error` skips the error that it holds when it is asked for its source.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

/// A broken record is `InvalidData`, which no socket says.
fn is_broken_record(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::InvalidData)
}

fn says(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// The head of an error's text, in lower case.
fn text_of(error: &(dyn Error + 'static)) -> String {
    let mut head = Head(String::new());
    // An error only says that the text is longer.
    let _ = write!(head, "{error}");
    head.0.make_ascii_lowercase();
    head.0
}

struct Head(String);

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = ERROR_CLUE_BYTES_MAX - self.0.len();
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Kinds of a connection that never came about.
const UNREACHED: [io::ErrorKind; 5] = [
    io::ErrorKind::AddrNotAvailable,
    io::ErrorKind::ConnectionRefused,
    io::ErrorKind::HostUnreachable,
    io::ErrorKind::NetworkDown,
    io::ErrorKind::NetworkUnreachable,
];

const CONNECT: [&str; 3] = ["client error (connect)", "connect error", "error trying to connect"];
const DNS: [&str; 3] = ["dns error", "failed to lookup address", "no record found"];
const HANDSHAKE: [&str; 4] = ["certificate", "handshake", "ssl", "tls"];
const TIMEOUT: [&str; 4] = ["deadline has elapsed", "timed out", "timeout expired", "time out"];

#[cfg(test)]
mod tests {
    use super::*;

    /// An error around another one, as clients word theirs.
    #[derive(Debug)]
    struct Outer(String, Option<Box<dyn Error + Send + Sync>>);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    fn around(text: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Outer {
        Outer(text.to_owned(), Some(source.into()))
    }

    /// Scenario: chains of errors as hyper, tonic, tower, tokio and rustls build them.
    /// Guarantees: each has its word, and a word in a URL is no evidence.
    #[test]
    fn chains_have_their_word() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let lookup = || io::Error::other("failed to lookup address information: Name or service not known");
        let alien = || io::Error::other("invalid peer certificate: UnknownIssuer");
        let hyper = |source: Box<dyn Error + Send + Sync>| around("client error (Connect)", source);
        for (error, expected) in [
            (hyper(around("tcp connect error", refused()).into()), ERROR_CONNECT),
            (hyper(around("dns error", lookup()).into()), ERROR_DNS),
            (hyper(around("connection error", alien()).into()), ERROR_TLS),
            (
                hyper(io::Error::other(io::Error::new(io::ErrorKind::InvalidData, "corrupt message")).into()),
                ERROR_TLS,
            ),
            (around("transport error", hyper(around("tcp connect error", refused()).into())), ERROR_CONNECT),
            (around("request failed", io::Error::from(io::ErrorKind::TimedOut)), ERROR_TIMEOUT),
            (around("request timed out", refused()), ERROR_TIMEOUT),
            (Outer("deadline has elapsed".to_owned(), None), ERROR_TIMEOUT),
            (Outer("no route for http://tls-proxy/certificate".to_owned(), None), ERROR_OTHER),
            (
                around("client error (SendRequest)", io::Error::from(io::ErrorKind::ConnectionReset)),
                ERROR_OTHER,
            ),
        ] {
            assert_eq!(error_class(&error), expected, "{error:?}");
        }
    }

    /// Scenario: a chain and a text without end.
    /// Guarantees: only their heads are looked at.
    #[test]
    fn a_chain_is_bounded() {
        let mut error = Outer("timed out".to_owned(), None);
        for _ in 0..ERROR_SOURCES_MAX {
            error = around("outer", error);
        }
        assert_eq!(error_class(&error), ERROR_OTHER);
        let long = Outer(format!("{}timed out", "é".repeat(ERROR_CLUE_BYTES_MAX)), None);
        assert_eq!(error_class(&long), ERROR_OTHER);
        assert!(text_of(&long).len() <= ERROR_CLUE_BYTES_MAX);
    }

    /// Scenario: errors as rustls, OpenSSL and the socket word them.
    /// Guarantees: only the first two are of the handshake.
    #[test]
    fn handshakes_are_told_from_sockets() {
        assert!(is_handshake_error(&io::Error::other("invalid peer certificate: UnknownIssuer")));
        assert!(is_handshake_error(&io::Error::from(io::ErrorKind::InvalidData)));
        assert!(!is_handshake_error(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
