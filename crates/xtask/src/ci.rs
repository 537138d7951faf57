//! `cargo xtask ci`: everything that must hold before a change lands. Cheap checks come first.

use anyhow::{Result, ensure};
use clap::Args;
use journey_testkit::{packages::Consent, services::Kind};

use crate::{cargo, interrupt::Interrupt, metadata::Metadata, parts, progress::Progress, test};

/// Options of `ci`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
}

/// Runs all checks; the first that fails ends the run.
pub(crate) fn run(options: &Options, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let consent = if options.yes { Consent::Given } else { Consent::Ask };
    // Asked and refused now, not after ten minutes of compiling.
    parts::install(&parts::private(&Kind::ALL), consent, progress)?;
    parts::install_peers(progress)?;
    let step = |title: &str, arguments: &[&str], variables: &[(&str, &str)]| {
        progress.heading(title);
        cargo::run(cargo::command(arguments).envs(variables.iter().copied()), interrupt)
    };
    step("Format", &["fmt", "--all", "--check"], &[])?;
    step("Clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    // A workspace of its own, which the lines above do not see. Its numbers are for `cargo xtask bench`.
    let benches =
        ["clippy", "--manifest-path", "benches/Cargo.toml", "--all-targets", "--", "-D", "warnings"];
    step("Clippy of the benches", &benches, &[])?;
    step("Documentation", &["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    // `cargo test --workspace` unifies features; only this shows that a service with one of them compiles.
    step("The facade without features", &["check", "--package", FACADE, "--no-default-features"], &[])?;
    for feature in facade_features()? {
        let arguments = ["check", "--package", FACADE, "--no-default-features", "--features", &feature];
        step(&format!("The facade with {feature} alone"), &arguments, &[])?;
    }
    // The trait `Executor` has a method more with the macros, and any crate of a build may switch them on.
    for with in [&[][..], &["--features", "sqlx/macros"]] {
        let arguments = [&["test", "--package", "journey-sqlx"], with].concat();
        step("journey-sqlx alone, without the macros of sqlx and with them", &arguments, &[])?;
    }
    test::all(consent, &[], progress, interrupt)
}

fn facade_features() -> Result<Vec<String>> {
    let features: Vec<_> = Metadata::load()?.features(FACADE).map(str::to_owned).collect();
    ensure!(!features.is_empty(), "cargo knows no features of package {FACADE}");
    Ok(features)
}

/// The only crate that a service names.
const FACADE: &str = "journey";
