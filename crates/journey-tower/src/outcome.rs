//! How a request ended.

use std::fmt;

/// Value of `journey.http.outcome`, a closed list of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The response body failed.
    BodyError,
    /// The client went away before the end. No error of the service.
    ClientDisconnected,
    /// The whole response was handed over.
    Completed,
    /// The service returned an error instead of a response.
    Error,
    /// The handler or the body panicked.
    Panic,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BodyError => "body_error",
            Self::ClientDisconnected => "client_disconnected",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Panic => "panic",
        }
    }

    /// `error.type` of an outcome that is an error by itself, whatever the status code says.
    pub(crate) fn error_type(self) -> Option<&'static str> {
        match self {
            Self::BodyError => Some("body_error"),
            Self::ClientDisconnected | Self::Completed => None,
            Self::Error => Some("service_error"),
            Self::Panic => Some("panic"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
