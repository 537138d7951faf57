//! The driver's side of one case: a child that is asked for figures.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// A case that is set up and waits for orders. It ends with this value.
#[derive(Debug)]
pub(crate) struct CaseChild {
    name: String,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a case answers.
#[derive(Debug, Deserialize)]
struct Answer {
    operations: f64,
    ns: Option<f64>,
    allocations: Option<f64>,
}

/// The names of the cases in a program.
pub(crate) fn list(program: &Path) -> Result<Vec<String>> {
    let output = command(program).arg("list").output().context("cannot run the benches")?;
    ensure!(output.status.success(), "{} list: {}", program.display(), output.status);
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// A command that says nothing but what it is asked.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    // The console log of a case must not cost its operations anything. No variable of the shell may change a case.
    command.env_clear().env("RUST_LOG", "off").stderr(Stdio::inherit());
    command
}

impl CaseChild {
    /// Starts a case and lets it warm up.
    pub(crate) fn start(program: &Path, name: &str) -> Result<Self> {
        let mut process = command(program)
            .args(["serve", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the benches")?;
        let orders = process.stdin.take().context("the child's input is piped")?;
        let answers = BufReader::new(process.stdout.take().context("the child's output is piped")?);
        Ok(Self { name: name.to_owned(), process, orders, answers })
    }

    /// CPU time of one operation on its thread, in nanoseconds, over at least this many milliseconds.
    pub(crate) fn time_ns(&mut self, millis: u32) -> Result<f64> {
        let answer = self.ask(&format!("time {millis}"))?;
        Ok(answer.ns.context("the case told no time")? / answer.operations)
    }

    /// Allocations of one operation on its thread.
    pub(crate) fn allocations(&mut self) -> Result<f64> {
        let answer = self.ask("allocations")?;
        Ok(answer.allocations.context("the case told no allocations")? / answer.operations)
    }

    fn ask(&mut self, order: &str) -> Result<Answer> {
        writeln!(self.orders, "{order}").with_context(|| format!("case {} is gone", self.name))?;
        let mut line = String::new();
        while !line.starts_with('{') {
            line.clear();
            if self.answers.read_line(&mut line)? == 0 {
                bail!("case {} ended without an answer", self.name);
            }
        }
        serde_json::from_str(&line).with_context(|| format!("case {} answered {line}", self.name))
    }
}

impl Drop for CaseChild {
    fn drop(&mut self) {
        // It has nothing to lose. An error means that it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
