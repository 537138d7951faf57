//! The child's side of the measurement: one case, and orders from the driver.
//!
//! Orders are lines on standard input, answers are lines of JSON on standard output; a line that does not begin with
//! `{` is something that a case printed.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde::Serialize;

use crate::case::{Case, Cases, Clock, PROCESS_BURST};
use crate::sink;

/// How allocations are counted; `None` in the programs whose time is measured.
pub type Count = fn(&mut dyn FnMut()) -> u64;

/// Runs the program: `list`, `serve CASE` or `instructions CASE OPERATIONS [wait]`; `sink` is the collector of a case.
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
        [sink::WORD] => Ok(sink::serve()?),
        ["serve", name] => serve(Measured::start(cases, name)?, count),
        ["instructions", name, operations] => {
            instructions(Measured::start(cases, name)?, operations.parse()?)
        }
        ["instructions", name, operations, WAIT] => {
            let measured = Measured::start(cases, name)?;
            wait()?;
            instructions(measured, operations.parse()?)
        }
        _ => Err("usage: list | serve CASE | instructions CASE OPERATIONS [wait]".into()),
    }
}

/// Time of so many operations of a case, and of as many of its base.
struct Both {
    operations: u64,
    own: Duration,
    base: Option<Duration>,
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
        measured.base_burst()?;
        measured.burst()?;
        Ok(measured)
    }

    /// Some operations, and then a pause in which the exporter catches up: no queue may overflow, because to drop a
    /// span is cheaper than to hand it over. Gives the CPU time of the operations, and of the export if the case
    /// counts its whole process.
    fn burst(&mut self) -> Result<Duration, Box<dyn Error>> {
        let operations = self.case.burst();
        (self.case.prepare)(operations);
        let clock = self.case.clock;
        let before = clock.spent()?;
        self.operate(operations);
        let operated = clock.spent()?;
        self.settle()?;
        let after = if clock == Clock::Process { clock.spent()? } else { operated };
        Ok(after - before)
    }

    /// A burst of the base and one of the case; in small parts by turns if the case wants it, and then one pause for all.
    fn both(&mut self) -> Result<Both, Box<dyn Error>> {
        let Some(turn) = self.case.turn else {
            let base = self.base_burst()?;
            return Ok(Both { operations: self.case.burst(), own: self.burst()?, base });
        };
        let clock = self.case.clock;
        let (mut base, mut own) = (Duration::ZERO, Duration::ZERO);
        let turns = PROCESS_BURST / turn;
        for _ in 0..turns {
            base += self.turn(turn, Self::operate_base)?;
            own += self.turn(turn, Self::operate)?;
        }
        let before = clock.spent()?;
        self.settle()?;
        let settled = clock.spent()? - before;
        own += if clock == Clock::Process { settled } else { Duration::ZERO };
        Ok(Both { operations: turns * turn, own, base: self.case.base.is_some().then_some(base) })
    }

    fn turn(
        &mut self,
        operations: u64,
        operate: impl Fn(&mut Self, u64),
    ) -> Result<Duration, Box<dyn Error>> {
        (self.case.prepare)(operations);
        let before = self.case.clock.spent()?;
        operate(self, operations);
        Ok(self.case.clock.spent()? - before)
    }

    /// The same of the base, if the case has its own. It exports nothing.
    fn base_burst(&mut self) -> Result<Option<Duration>, Box<dyn Error>> {
        let operations = self.case.burst();
        if self.case.base.is_none() {
            return Ok(None);
        }
        let time = self.turn(operations, Self::operate_base)?;
        std::thread::sleep(PAUSE);
        Ok(Some(time))
    }

    fn operate_base(&mut self, operations: u64) {
        if let Some(base) = &mut self.case.base {
            repeat(base, operations / self.case.per_call);
        }
    }

    fn operate(&mut self, operations: u64) {
        repeat(&mut self.case.operation, operations / self.case.per_call);
        self.done += operations;
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

/// In turn with the base, so that a bad moment of the machine hits both.
fn time(measured: &mut Measured, at_least: Duration) -> Result<String, Box<dyn Error>> {
    let (mut operations, mut time, mut base) = (0, Duration::ZERO, None);
    while time < at_least {
        let both = measured.both()?;
        base = both.base.map(|more| more + base.unwrap_or_default());
        time += both.own;
        operations += both.operations;
    }
    let answer = Answer {
        operations,
        ns: Some(time.as_nanos()),
        base_ns: base.map(|base| base.as_nanos()),
        ..Answer::default()
    };
    Ok(serde_json::to_string(&answer)?)
}

fn allocations(measured: &mut Measured, count: Count) -> Result<String, Box<dyn Error>> {
    let operations = measured.case.burst();
    let calls = operations / measured.case.per_call;
    let base_allocations = measured.case.base.is_some().then(|| {
        (measured.case.prepare)(operations);
        measured.case.base.as_mut().map_or(0, |base| count(&mut || repeat(base, calls)))
    });
    (measured.case.prepare)(operations);
    let allocations = count(&mut || measured.operate(operations));
    measured.settle()?;
    let answer = Answer { operations, allocations: Some(allocations), base_allocations, ..Answer::default() };
    Ok(serde_json::to_string(&answer)?)
}

/// What the driver is told.
#[derive(Default, Serialize)]
struct Answer {
    operations: u64,
    ns: Option<u128>,
    base_ns: Option<u128>,
    allocations: Option<u64>,
    base_allocations: Option<u64>,
}

fn repeat(operation: &mut dyn FnMut(), calls: u64) {
    (0..calls).for_each(|_| operation());
}

/// Under callgrind: only what [`bench_region`] calls is collected. Says how many operations that were in the end.
fn instructions(mut measured: Measured, operations: u64) -> Result<(), Box<dyn Error>> {
    let burst = measured.case.burst();
    let bursts = operations.div_ceil(burst);
    for _ in 0..bursts {
        (measured.case.prepare)(burst);
        bench_region(&mut || measured.operate(burst));
        measured.settle()?;
    }
    println!("{{\"operations\":{}}}", bursts * burst);
    Ok(())
}

/// Says that the case is set up, and waits for a line: who counts begins here.
fn wait() -> io::Result<()> {
    println!("{{\"ready\":true}}");
    io::stdout().flush()?;
    io::stdin().read_line(&mut String::new()).map(drop)
}

/// The name by which callgrind is told to switch collection on and off. No closure in here, because its name would
/// contain this one and switch too.
#[inline(never)]
fn bench_region(work: &mut dyn FnMut()) {
    work();
    // Not the last call, so that no tail call makes this function invisible.
    black_box(());
}

const WAIT: &str = "wait";
/// Lets the exporter begin before it is waited for.
const PAUSE: Duration = Duration::from_micros(500);
