//! The driver's side of one case: a child that is asked for figures.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::programs::Program;

/// A case that is set up and waits for orders. It ends with this value.
#[derive(Debug)]
pub(crate) struct CaseChild {
    name: String,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What was measured of one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// The operation itself.
    pub(crate) own: f64,
    /// Its base; `None` if that is another case.
    pub(crate) base: Option<f64>,
}

/// What a case answers.
#[derive(Debug, Deserialize)]
struct Answer {
    operations: f64,
    ns: Option<f64>,
    base_ns: Option<f64>,
    allocations: Option<f64>,
    base_allocations: Option<f64>,
}

impl Answer {
    fn sample(&self, own: Option<f64>, base: Option<f64>) -> Result<Sample> {
        let own = own.context("the case told something else")?;
        Ok(Sample { own: own / self.operations, base: base.map(|base| base / self.operations) })
    }
}

impl CaseChild {
    /// Starts a case and lets it warm up.
    pub(crate) fn start(program: &Program, name: &str) -> Result<Self> {
        let mut process = program
            .command()
            .args(["serve", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the benches")?;
        let orders = process.stdin.take().context("the child's input is piped")?;
        let answers = BufReader::new(process.stdout.take().context("the child's output is piped")?);
        Ok(Self { name: name.to_owned(), process, orders, answers })
    }

    /// CPU time of one operation, of its thread or its process, in nanoseconds, over at least this many milliseconds.
    pub(crate) fn time_ns(&mut self, millis: u32) -> Result<Sample> {
        let answer = self.ask(&format!("time {millis}"))?;
        answer.sample(answer.ns, answer.base_ns)
    }

    /// Allocations of one operation on its thread.
    pub(crate) fn allocations(&mut self) -> Result<Sample> {
        let answer = self.ask("allocations")?;
        answer.sample(answer.allocations, answer.base_allocations)
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
