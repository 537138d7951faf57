//! How a request ended.

use std::fmt;

use http::StatusCode;

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
    /// The whole response was handed over, and says that a deadline passed.
    Timeout,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BodyError => "body_error",
            Self::ClientDisconnected => "client_disconnected",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
        }
    }

    /// `error.type` of an outcome that is an error by itself, whatever the status code says.
    ///
    /// A timeout is none: it is the response that says whose fault it is, 408 or 504.
    pub(crate) fn error_type(self) -> Option<&'static str> {
        match self {
            Self::BodyError => Some("body_error"),
            Self::ClientDisconnected | Self::Completed | Self::Timeout => None,
            Self::Error => Some("service_error"),
            Self::Panic => Some("panic"),
        }
    }
}

/// Whether this status says that a deadline passed.
pub(crate) fn is_timeout(status: StatusCode) -> bool {
    [StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT].contains(&status)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
