//! Why init failed.

use std::fmt::Display;

use thiserror::Error;

/// Init failed: a variable or a value of the builder makes no sense, or the system gave no thread. The text names
/// what is wrong.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct InitError(#[from] Reason);

#[derive(Debug, Error)]
enum Reason {
    #[error("{name}: {path:?} cannot be used: {cause}")]
    File { name: String, path: String, cause: String },
    #[error("{name} is set alone; client certificate and client key go together")]
    HalfIdentity { name: String },
    #[error("journey is running already; its first guard is still alive")]
    Running,
    #[error("the system gave no {what}: {cause}")]
    Start { what: &'static str, cause: String },
    #[error("{name}: {cause}")]
    Rule { name: String, cause: String },
    #[error("{name} is {value:?}; it should be {expected}")]
    Value { name: String, value: String, expected: &'static str },
}

impl InitError {
    pub(crate) fn file(name: &str, path: &str, cause: &dyn Display) -> Self {
        Reason::File { name: name.to_owned(), path: path.to_owned(), cause: cause.to_string() }.into()
    }

    pub(crate) fn half_identity(name: &str) -> Self {
        Reason::HalfIdentity { name: name.to_owned() }.into()
    }

    pub(crate) fn running() -> Self {
        Reason::Running.into()
    }

    pub(crate) fn rule(name: &str, cause: &dyn Display) -> Self {
        Reason::Rule { name: name.to_owned(), cause: cause.to_string() }.into()
    }

    pub(crate) fn start(what: &'static str, cause: &dyn Display) -> Self {
        Reason::Start { what, cause: cause.to_string() }.into()
    }

    pub(crate) fn value(name: &str, value: &str, expected: &'static str) -> Self {
        Reason::Value { name: name.to_owned(), value: value.to_owned(), expected }.into()
    }
}
