//! Instructions of one operation, counted by valgrind's callgrind.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::programs::Program;

/// Instructions per operation of each case, in the order of the names. Cases run side by side: a count does not
/// depend on what else the machine does.
pub(crate) fn count(program: &Program, names: &[String], done: impl Fn(&str) + Sync) -> Result<Vec<f64>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counted = Vec::new();
        while let Some((index, name)) = index_of(&next, names) {
            counted.push((index, one(program, name)?));
            done(name);
        }
        Ok(counted)
    };
    let parts: Vec<Result<Vec<(usize, f64)>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no worker panics")).collect()
    });
    let mut counts = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
    counts.sort_by_key(|&(index, _)| index);
    Ok(counts.into_iter().map(|(_, count)| count).collect())
}

fn index_of<'a>(next: &AtomicUsize, names: &'a [String]) -> Option<(usize, &'a String)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    names.get(index).map(|name| (index, name))
}

fn one(program: &Program, name: &str) -> Result<f64> {
    let mut process = program
        .under("valgrind", &CALLGRIND)
        .args(["instructions", name, &OPERATIONS.to_string(), "wait"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run valgrind")?;
    let mut answers = BufReader::new(process.stdout.take().context("the output is piped")?);
    // Setting up a case may take millions of operations; they run many times faster while nothing is instrumented.
    if answer(&mut answers)?.is_some() {
        switch_on(process.id())?;
        process.stdin.take().context("the input is piped")?.write_all(b"\n")?;
    }
    let operations = answer(&mut answers)?;
    let output = process.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    let last_words: Vec<&str> =
        words.lines().filter(|line| !line.starts_with("==")).take(LINES_SHOWN).collect();
    ensure!(
        output.status.success(),
        "case {name} under valgrind: {}\n{}",
        output.status,
        last_words.join("\n")
    );
    let operations =
        operations.and_then(|answer| answer.operations).context("the case told no operations")?;
    let collected =
        words.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<f64>().ok());
    let collected = collected.filter(|&count| count > 0.0);
    Ok(collected.with_context(|| format!("valgrind counted nothing in case {name}"))? / operations)
}

/// What the case says next; `None` if it ended.
fn answer(answers: &mut impl BufRead) -> Result<Option<Answer>> {
    let mut line = String::new();
    while !line.starts_with('{') {
        line.clear();
        if answers.read_line(&mut line)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(serde_json::from_str(&line)?))
}

#[derive(Deserialize)]
struct Answer {
    /// How many were done; `None` while it waits.
    operations: Option<f64>,
}

fn switch_on(process: u32) -> Result<()> {
    let output = Command::new("callgrind_control").args(["-i", "on", &process.to_string()]).output();
    let output = output.context("cannot run callgrind_control, which comes with valgrind")?;
    ensure!(output.status.success(), "callgrind_control: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

const CALLGRIND: [&str; 5] = [
    "--tool=callgrind",
    "--instr-atstart=no",
    "--callgrind-out-file=/dev/null",
    "--collect-atstart=no",
    // Only what the case does inside of this function, on its own thread.
    "--toggle-collect=*bench_region",
];
/// Enough of a case's last words to see why it failed.
const LINES_SHOWN: usize = 5;
/// Enough that what happens once per many operations is averaged, few enough for some seconds under valgrind.
const OPERATIONS: u32 = 1024;
