//! The programs of the package `benches`, built.

use std::path::PathBuf;

use anyhow::Result;

use crate::{cargo, interrupt::Interrupt, metadata, progress::Progress};

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds them for release. They have a workspace and a target folder of their own.
    pub(crate) fn build(progress: &Progress, interrupt: &Interrupt) -> Result<Self> {
        progress.heading("Build the benches for release");
        let benches = metadata::root().join("benches");
        let mut command = cargo::command(&["build", "--release"]);
        command.arg("--manifest-path").arg(benches.join("Cargo.toml"));
        command.arg("--target-dir").arg(benches.join("target"));
        cargo::run(&mut command, interrupt)?;
        Ok(Self { folder: benches.join("target/release") })
    }

    /// One of them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
