//! The child's side of the measurement: one case, and orders from the driver.
//!
//! Orders are lines on standard input, answers are lines of JSON on standard output; a line that does not begin with
//! `{` is something that a case printed.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::case::{Case, Cases};

/// How allocations are counted; `None` in the programs whose time is measured.
pub type Count = fn(&mut dyn FnMut()) -> u64;

/// Runs the program: `list`, `serve CASE` or `instructions CASE OPERATIONS`.
///
/// # Errors
/// Unknown words, no such case, or spans that a case lost.
pub fn run(cases: Cases, count: Option<Count>) -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => {
            cases.iter().for_each(|(name, _)| println!("{name}"));
            Ok(())
        }
        ["serve", name] => serve(Measured::start(cases, name)?, count),
        ["instructions", name, operations] => {
            instructions(Measured::start(cases, name)?, operations.parse()?)
        }
        _ => Err("usage: list | serve CASE | instructions CASE OPERATIONS".into()),
    }
}

/// A case that runs.
struct Measured {
    case: Case,
    done: u64,
}

impl Measured {
    fn start(cases: Cases, name: &str) -> Result<Self, Box<dyn Error>> {
        let set_up = cases.into_iter().find(|(candidate, _)| candidate == name);
        let (_, set_up) = set_up.ok_or_else(|| format!("no case {name}"))?;
        let mut measured = Self { case: set_up(), done: 0 };
        measured.burst(WARM_UP)?;
        Ok(measured)
    }

    /// Some operations, and then a pause in which the exporter catches up: no queue may overflow, because to drop a
    /// span is cheaper than to hand it over. Gives the CPU time of the operations alone.
    fn burst(&mut self, operations: u64) -> Result<Duration, Box<dyn Error>> {
        let calls = self.calls(operations);
        let before = thread_time()?;
        for _ in 0..calls {
            (self.case.operation)();
        }
        let time = thread_time()? - before;
        self.done += operations;
        self.settle()?;
        Ok(time)
    }

    fn calls(&self, operations: u64) -> u64 {
        operations.div_ceil(self.case.per_call)
    }

    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        // All cases pause alike, with cold caches afterwards, whether they export or not.
        std::thread::sleep(PAUSE);
        let exported = (self.case.settle)();
        match self.case.spans {
            Some(spans) if exported != spans * self.done => {
                Err(format!("{exported} spans of {} operations were exported", self.done).into())
            }
            _ => Ok(()),
        }
    }
}

fn serve(mut measured: Measured, count: Option<Count>) -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match (words[..].as_ref(), count) {
            (["time", millis], None) => time(&mut measured, Duration::from_millis(millis.parse()?))?,
            (["allocations"], Some(count)) => allocations(&mut measured, count)?,
            _ => return Err(format!("no order: {line}").into()),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn time(measured: &mut Measured, at_least: Duration) -> Result<String, Box<dyn Error>> {
    let (mut operations, mut time) = (0, Duration::ZERO);
    while time < at_least {
        time += measured.burst(BURST)?;
        operations += BURST;
    }
    Ok(format!(r#"{{"operations":{operations},"ns":{}}}"#, time.as_nanos()))
}

fn allocations(measured: &mut Measured, count: Count) -> Result<String, Box<dyn Error>> {
    let calls = measured.calls(BURST);
    let operation = &mut measured.case.operation;
    let allocations = count(&mut || (0..calls).for_each(|_| operation()));
    measured.done += BURST;
    measured.settle()?;
    Ok(format!(r#"{{"operations":{BURST},"allocations":{allocations}}}"#))
}

/// Under callgrind: only what [`bench_region`] calls is collected.
fn instructions(mut measured: Measured, operations: u64) -> Result<(), Box<dyn Error>> {
    let mut left = operations;
    while left > 0 {
        let burst = left.min(BURST);
        let calls = measured.calls(burst);
        let operation = &mut measured.case.operation;
        bench_region(&mut || (0..calls).for_each(|_| operation()));
        measured.done += burst;
        measured.settle()?;
        left -= burst;
    }
    Ok(())
}

/// The name by which callgrind is told to switch collection on and off. No closure in here, because its name would
/// contain this one and switch too.
#[inline(never)]
fn bench_region(work: &mut dyn FnMut()) {
    work();
    // Not the last call, so that no tail call makes this function invisible.
    black_box(());
}

fn thread_time() -> nix::Result<Duration> {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from)
}

/// Operations between two pauses: far below the smallest queue, which is the 2048 of OpenTelemetry's batches.
const BURST: u64 = 512;
/// Operations before anything is measured.
const WARM_UP: u64 = 512;
/// Lets the exporter begin before it is waited for.
const PAUSE: Duration = Duration::from_micros(500);
