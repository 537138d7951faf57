//! Finds the servers' programs on this machine, or installs Debian's packages for them.

mod install;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
pub use install::{Consent, Installation};

use crate::services::Kind;

/// The program of a server: Debian's place first, then `PATH`.
///
/// # Errors
///
/// If it is not installed; the sentence names the program and the variable that points to a server elsewhere.
pub fn program(kind: Kind) -> Result<PathBuf> {
    let found = match kind {
        Kind::Alertmanager => on_path("prometheus-alertmanager").or_else(|| on_path("alertmanager")),
        Kind::Postgres => newest_postgres().or_else(|| on_path("postgres").and_then(with_initdb)),
        // Debian's wrapper in /usr/sbin changes the user and drops our environment; the script behind it does neither.
        Kind::RabbitMq => Some(PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server"))
            .filter(|script| script.is_file())
            .or_else(|| on_path("rabbitmq-server")),
    };
    found.with_context(|| {
        format!(
            "{} is not installed; install it, or set {} to a running one",
            kind.program(),
            kind.url_variable()
        )
    })
}

/// Those of `kinds` whose program is not installed.
pub fn missing(kinds: &[Kind]) -> Vec<Kind> {
    kinds.iter().copied().filter(|&kind| program(kind).is_err()).collect()
}

/// A program in one of the folders of `PATH`, or where Debian keeps those for root.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Debian keeps a folder per major version, and puts none of its servers on `PATH`.
fn newest_postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let version: u32 = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, with_initdb(folder.join("bin/postgres"))?))
        })
        .max()
        .map(|(_, server)| server)
}

/// The real place of a server that has `initdb` beside it; a client-only installation has not.
fn with_initdb(server: PathBuf) -> Option<PathBuf> {
    let server = server.canonicalize().ok()?;
    server
        .parent()
        .map(|folder| folder.join("initdb"))
        .is_some_and(|initdb| Path::is_file(&initdb))
        .then_some(server)
}
