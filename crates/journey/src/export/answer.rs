//! What a collector answered.

use std::error::Error;
use std::time::Duration;

use journey_otlp::answer::Accepted;

/// What to do about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, apart from some records.
    Taken {
        /// Records that will never be taken.
        rejected: u64,
        /// Why, or a warning. Empty if there is nothing to say.
        message: String,
    },
    /// Not now: the same again later, not before `after` if it is said.
    Later {
        /// For people.
        reason: String,
        /// From `Retry-After` or `RetryInfo`.
        after: Option<Duration>,
    },
    /// Never: the same again would be refused again.
    Refused {
        /// For people.
        reason: String,
    },
}

impl Answer {
    pub(super) fn taken(accepted: Accepted) -> Self {
        Answer::Taken { rejected: accepted.rejected, message: shortened(&accepted.message) }
    }

    pub(super) fn later(reason: &str, after: Option<Duration>) -> Self {
        Answer::Later { reason: shortened(reason), after }
    }

    pub(super) fn refused(reason: &str) -> Self {
        Answer::Refused { reason: shortened(reason) }
    }

    /// There was no answer.
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        Answer::Later { reason: root_cause(error), after: None }
    }
}

/// The innermost reason; the outer ones repeat the URL, which may hold secrets.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// One line of bounded length: it is somebody else's text.
fn shortened(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(REASON_CHARS_MAX).collect()
}

/// Characters of a collector's text that are shown.
const REASON_CHARS_MAX: usize = 200;
