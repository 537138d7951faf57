//! The word for an error whose type nobody here knows.

use std::error::Error;

use journey_trace::http::error_class;

/// Gives the error of a client its word for `error.type`. One of a few words: it names a metric series.
pub trait ErrorClass<E> {
    /// The word for this error.
    fn class(&self, error: &E) -> &'static str;
}

/// Looks for clues in an error and its sources, by [`journey_trace::http::error_class`].
///
/// It can know the kind of an `std::io::Error`, and the words that hyper, tower, tonic, tokio and the TLS libraries
/// use. `connect`, `dns`, `tls` and `timeout` of a hyper-util client, alone or under a tonic channel, are told apart;
/// what says nothing is `_OTHER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypedErrors;

impl<E: Error + 'static> ErrorClass<E> for TypedErrors {
    fn class(&self, error: &E) -> &'static str {
        error_class(error)
    }
}

/// The same for a box, which is no `std::error::Error` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BoxedErrors;

impl ErrorClass<Box<dyn Error + Send + Sync>> for BoxedErrors {
    fn class(&self, error: &Box<dyn Error + Send + Sync>) -> &'static str {
        error_class(error.as_ref())
    }
}

impl<E, F: Fn(&E) -> &'static str> ErrorClass<E> for F {
    fn class(&self, error: &E) -> &'static str {
        self(error)
    }
}
