//! How a stage ended, in the words of the registry.

use std::borrow::Cow;
use std::fmt::Display;

use journey_model::StageOutcome;

use crate::lane::Ending;
use crate::limits::ERROR_TEXT_BYTES_MAX;

impl Ending {
    pub(super) fn ok() -> Self {
        Self::plain(StageOutcome::Ok)
    }

    /// The caller gave up; that is no error of the stage.
    pub(super) fn cancelled() -> Self {
        Self::plain(StageOutcome::Cancelled)
    }

    pub(super) fn panicked() -> Self {
        Self::error(StageOutcome::Panicked, "panic".into(), String::new())
    }

    pub(super) fn timed_out() -> Self {
        Self::error(StageOutcome::TimedOut, "timeout".into(), String::new())
    }

    pub(super) fn failed(error_type: impl Into<Cow<'static, str>>, description: String) -> Self {
        Self::error(StageOutcome::Failed, error_type.into(), description)
    }

    /// By the result of the work: the class of an error is the name of its type, its text the description. An error
    /// of a type called `Elapsed`, as the timeouts of tokio and tower have it, is a deadline that passed.
    pub(super) fn of<T, E: Display>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::ok(),
            Err(_) if type_without_generics::<E>().ends_with("::Elapsed") => Self::timed_out(),
            Err(error) => Self::failed(type_without_generics::<E>(), cut(error.to_string())),
        }
    }

    fn plain(outcome: StageOutcome) -> Self {
        Self { outcome, error_type: None, description: String::new() }
    }

    fn error(outcome: StageOutcome, error_type: Cow<'static, str>, description: String) -> Self {
        Self { outcome, error_type: Some(error_type), description }
    }
}

/// The texts of errors are unbounded, the names of their types are not.
fn type_without_generics<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    name.split('<').next().unwrap_or(name)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(ERROR_TEXT_BYTES_MAX));
    text
}
