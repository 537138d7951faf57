//! The programs of the package `benches`, built.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{cargo, interrupt::Interrupt, metadata, parts::Parts, progress::Progress};

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Programs {
    /// Builds them for release. They have a workspace and a target folder of their own.
    pub(crate) fn build(progress: &Progress, interrupt: &Interrupt) -> Result<Self> {
        Self::build_those(&[], progress, interrupt)
    }

    /// Builds no others than those that are named, or all if none is.
    pub(crate) fn build_those(names: &[&str], progress: &Progress, interrupt: &Interrupt) -> Result<Self> {
        progress.heading("Build the benches for release");
        let benches = metadata::root().join("benches");
        let mut command = cargo::command(&["build", "--release"]);
        command.arg("--manifest-path").arg(benches.join("Cargo.toml"));
        command.arg("--target-dir").arg(benches.join("target"));
        command.args(names.iter().flat_map(|name| ["--bin", name]));
        cargo::run(&mut command, interrupt)?;
        Ok(Self { folder: benches.join("target/release"), environment: Vec::new() })
    }

    /// The same, and they find these servers.
    pub(crate) fn with(self, servers: &Parts) -> Self {
        let environment = servers.environment().map(|(name, url)| (name.to_owned(), url.to_owned()));
        Self { environment: environment.collect(), ..self }
    }

    /// One of them.
    pub(crate) fn program(&self, name: &str) -> Program {
        Program { path: self.folder.join(name), environment: self.environment.clone() }
    }
}

/// One program.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    environment: Vec<(String, String)>,
}

impl Program {
    /// The program itself, that says nothing but what it is asked.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        self.quieten(&mut command);
        command
    }

    /// The program, run by another, which takes it as its last argument.
    pub(crate) fn under(&self, runner: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(runner);
        self.quieten(&mut command);
        // To find the runner's own parts.
        command.envs(std::env::vars_os().filter(|(variable, _)| variable == "PATH"));
        command.args(arguments).arg(&self.path);
        command
    }

    /// The names of the cases in it.
    pub(crate) fn list(&self) -> Result<Vec<String>> {
        let output = self.command().arg("list").output().context("cannot run the benches")?;
        ensure!(output.status.success(), "{} list: {}", self.path.display(), output.status);
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }

    fn quieten(&self, command: &mut Command) {
        // The console log of a case must not cost its operations anything. No variable of the shell may change a case.
        command.env_clear().env("RUST_LOG", "off").stderr(Stdio::inherit());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}
