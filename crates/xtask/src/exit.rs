//! What an error means for the exit code.

use std::{fmt, process::ExitCode};

/// Something needed is missing or cannot be reached: no fault of the code that is checked.
#[derive(Debug)]
pub(crate) struct Unavailable(pub(crate) anyhow::Error);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Unavailable {}

/// The task was ended by Ctrl-C or another signal.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// The exit code of a task that ended with `error`.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Interrupted>() {
        // 128 + SIGINT, as a shell counts.
        ExitCode::from(130)
    } else if error.is::<Unavailable>() {
        ExitCode::from(3)
    } else {
        ExitCode::FAILURE
    }
}
