//! The programs that a task may need, and the words for each.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{newest_postgres, on_path, with_initdb};
use crate::services::Kind;

/// A program that Debian has a package for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A server of the services.
    Server(Kind),
    /// Counts the instructions of a program that it runs.
    Valgrind,
}

impl Program {
    /// The name that people look for when it is missing.
    pub const fn name(self) -> &'static str {
        match self {
            Program::Server(kind) => kind.program(),
            Program::Valgrind => "valgrind",
        }
    }

    /// Debian's package with it.
    pub const fn package(self) -> &'static str {
        match self {
            Program::Server(kind) => kind.package(),
            Program::Valgrind => "valgrind",
        }
    }

    /// What makes the installation unnecessary.
    pub fn otherwise(self) -> String {
        match self {
            Program::Server(kind) => format!("set {} to a running one", kind.url_variable()),
            Program::Valgrind => "count no instructions".to_owned(),
        }
    }

    /// Where it is: Debian's place first, then `PATH`.
    ///
    /// # Errors
    ///
    /// If it is not installed; the sentence says so, and what makes it unnecessary.
    pub fn find(self) -> Result<PathBuf> {
        let found = match self {
            Program::Server(Kind::Alertmanager) => {
                on_path("prometheus-alertmanager").or_else(|| on_path("alertmanager"))
            }
            Program::Server(Kind::Postgres) => {
                newest_postgres().or_else(|| on_path("postgres").and_then(with_initdb))
            }
            // Debian's wrapper in /usr/sbin changes the user and drops our environment; the script behind it does
            // neither.
            Program::Server(Kind::RabbitMq) => Some(PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server"))
                .filter(|script| script.is_file())
                .or_else(|| on_path("rabbitmq-server")),
            Program::Valgrind => on_path("valgrind"),
        };
        found.with_context(|| format!("{self} is not installed; install it, or {}", self.otherwise()))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Kind> for Program {
    fn from(kind: Kind) -> Self {
        Program::Server(kind)
    }
}
