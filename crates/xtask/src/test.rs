//! `cargo xtask test`: all tests, with all servers and libraries that they need.

use anyhow::Result;
use clap::Args;
use journey_testkit::{REQUIRE_SERVICES, packages::Consent, services::Kind};

use crate::{
    cargo,
    interrupt::Interrupt,
    parts::{self, Parts},
    progress::Progress,
};

/// Options of `test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
    /// Given to `cargo test` in place of `--workspace`, after `--`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Finds or starts the servers and runs the tests.
pub(crate) fn run(options: &Options, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let consent = if options.yes { Consent::Given } else { Consent::Ask };
    all(consent, &options.arguments, progress, interrupt)
}

/// `cargo test`, documentation tests included, on the whole workspace or as `arguments` say.
pub(crate) fn all(
    consent: Consent,
    arguments: &[String],
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<()> {
    let parts = Parts::find(&Kind::ALL, consent, progress, interrupt)?;
    parts::install_peers(progress)?;
    interrupt.check()?;
    progress.heading("Test, with documentation tests");
    let mut command = cargo::command(&["test"]);
    if arguments.is_empty() {
        command.arg("--workspace");
    }
    command.args(arguments).env(REQUIRE_SERVICES, "1").envs(parts.environment());
    cargo::run(&mut command, interrupt)
}
