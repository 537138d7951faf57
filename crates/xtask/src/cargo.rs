//! Runs cargo as a child, on the whole workspace.

use std::{env, process::Command};

use anyhow::{Result, ensure};

use crate::{interrupt::Interrupt, metadata};

/// `cargo ARGUMENTS` at the root of the workspace, ready to be given more of them.
pub(crate) fn command<S: AsRef<str>>(arguments: &[S]) -> Command {
    // The cargo that runs us, not another one that happens to be first on PATH.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.iter().map(AsRef::as_ref)).current_dir(metadata::root());
    command
}

/// Runs a command of cargo to its end.
///
/// # Errors
///
/// If it cannot be run or fails.
pub(crate) fn run(command: &mut Command, interrupt: &Interrupt) -> Result<()> {
    let status = interrupt.run(command)?;
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    ensure!(status.success(), "`cargo {}` failed", words.join(" "));
    Ok(())
}
