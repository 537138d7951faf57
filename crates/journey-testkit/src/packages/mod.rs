//! Finds the programs that tasks need on this machine, or installs Debian's packages for them.

mod install;
mod program;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
pub use install::{Consent, Installation};
pub use program::Program;

use crate::services::Kind;

/// The program of a server.
///
/// # Errors
///
/// If it is not installed; the sentence names the program and the variable that points to a server elsewhere.
pub fn program(kind: Kind) -> Result<PathBuf> {
    Program::from(kind).find()
}

/// Those of `programs` that are not installed.
pub fn missing(programs: &[Program]) -> Vec<Program> {
    programs.iter().copied().filter(|program| program.find().is_err()).collect()
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
