//! All figures of all cases of a program.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use journey_testkit::packages;
use rand::seq::SliceRandom;
use serde::Serialize;

use super::{
    How, callgrind,
    child::{CaseChild, Sample},
    programs::{Program, Programs},
    stats::median,
};
use crate::{
    interrupt::Interrupt,
    parts,
    progress::{Progress, Step},
};

/// One case with its figures, each per operation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// Name of the case.
    pub(crate) case: String,
    /// CPU time of the operation's thread or process, median of the rounds, ns.
    pub(crate) ns: f64,
    /// Median over the rounds of the difference to the base, ns.
    pub(crate) ns_over: f64,
    /// Median over the rounds of the ratio to the base; `None` without a base.
    pub(crate) ratio: Option<f64>,
    /// Allocations on the operation's thread.
    pub(crate) allocations: f64,
    /// The same without those of the base.
    pub(crate) allocations_over: f64,
    /// Instructions on the operation's thread; `None` if they were not counted.
    pub(crate) instructions: Option<f64>,
    /// The same without those of the base.
    pub(crate) instructions_over: Option<f64>,
}

/// The programs of one question, and which case is the base of another.
#[derive(Debug)]
pub(crate) struct Bench {
    /// Times and instructions.
    pub(crate) program: &'static str,
    /// The same cases with an allocator that counts.
    pub(crate) counting: &'static str,
    /// The base that a case's figures are over; `None`: its own, or zero.
    pub(crate) base: fn(&str) -> Option<String>,
    /// Whether an operation is so much on its own thread that its instructions say something.
    pub(crate) counts_instructions: bool,
}

impl Bench {
    /// Measures every case.
    pub(crate) fn measure(
        &self,
        how: &How,
        programs: &Programs,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Vec<Figures>> {
        self.measure_those(|_| true, how, programs, progress, interrupt)
    }

    /// Measures those cases that are not too large for this run.
    pub(crate) fn measure_those(
        &self,
        fits: impl Fn(&str) -> bool,
        how: &How,
        programs: &Programs,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Vec<Figures>> {
        let (program, counting) = (programs.program(self.program), programs.program(self.counting));
        let names = program.list()?.into_iter().filter(|name| fits(name)).collect();
        let names = self.wanted(how, names);
        let instructions = match self.counts_instructions && !how.no_instructions {
            true => Some(instructions(how, &program, &names, progress)?),
            false => None,
        };
        interrupt.check()?;
        let allocations = progress.step("Count allocations", |step| allocations(&counting, &names, step))?;
        let times = times(how, &program, &names, progress, interrupt)?;
        let raw = Raw { names, instructions, allocations, times };
        raw.names.iter().map(|name| raw.figures(name, (self.base)(name).as_deref())).collect()
    }

    /// The named cases with their bases.
    fn wanted(&self, how: &How, names: Vec<String>) -> Vec<String> {
        let Some(text) = &how.only else { return names };
        let named: Vec<_> = names.iter().filter(|name| name.contains(text.as_str())).collect();
        let bases: Vec<_> = named.iter().filter_map(|name| (self.base)(name)).collect();
        names.iter().filter(|name| named.contains(name) || bases.contains(name)).cloned().collect()
    }
}

fn instructions(how: &How, program: &Program, names: &[String], progress: &Progress) -> Result<Vec<f64>> {
    parts::install_programs(&[packages::Program::Valgrind], how.consent(), progress)?;
    progress.step("Count instructions, under valgrind", |step| {
        let done = AtomicUsize::new(0);
        callgrind::count(program, names, |name| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            step.now(&format!("{done} of {}: {name}", names.len()));
        })
    })
}

fn allocations(program: &Program, names: &[String], step: &Step) -> Result<Vec<Sample>> {
    let counted = names.iter().map(|name| {
        step.now(name);
        CaseChild::start(program, name)?.allocations()
    });
    counted.collect()
}

/// One line per round, in it one value per case.
fn times(
    how: &How,
    program: &Program,
    names: &[String],
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Vec<Sample>>> {
    let (rounds, millis) = if how.quick { (3, 10) } else { (how.rounds, 40) };
    progress.step(&format!("Take the time, {rounds} rounds"), |step| {
        let mut children =
            names.iter().map(|name| CaseChild::start(program, name)).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<usize> = (0..children.len()).collect();
        (0..rounds)
            .map(|round| {
                order.shuffle(&mut rand::rng());
                let mut line = vec![Sample { own: 0.0, base: None }; children.len()];
                for &index in &order {
                    interrupt.check()?;
                    // A case is set up before its first answer, which takes minutes for the largest.
                    step.now(&format!("{round}, {}", names[index]));
                    line[index] = children[index].time_ns(millis)?;
                }
                Ok(line)
            })
            .collect()
    })
}

/// What was measured, before it is compared.
struct Raw {
    names: Vec<String>,
    instructions: Option<Vec<f64>>,
    allocations: Vec<Sample>,
    times: Vec<Vec<Sample>>,
}

impl Raw {
    fn figures(&self, name: &str, base: Option<&str>) -> Result<Figures> {
        let case = self.index(name)?;
        let base = base.map(|base| self.index(base)).transpose()?;
        let base_of = |values: &[Sample]| values[case].base.or(base.map(|base| values[base].own));
        let over = |values: &[Sample]| values[case].own - base_of(values).unwrap_or_default();
        let counted_over = |counts: &Vec<f64>| counts[case] - base.map_or(0.0, |base| counts[base]);
        let ratios: Vec<f64> =
            self.times.iter().filter_map(|round| Some(round[case].own / base_of(round)?)).collect();
        Ok(Figures {
            case: name.to_owned(),
            ns: median(self.times.iter().map(|round| round[case].own)),
            ns_over: median(self.times.iter().map(|round| over(round))),
            ratio: (!ratios.is_empty()).then(|| median(ratios)),
            allocations: self.allocations[case].own,
            allocations_over: over(&self.allocations),
            instructions: self.instructions.as_ref().map(|counts| counts[case]),
            instructions_over: self.instructions.as_ref().map(counted_over),
        })
    }

    fn index(&self, name: &str) -> Result<usize> {
        let index = self.names.iter().position(|candidate| candidate == name);
        index.with_context(|| format!("the benches have no case {name}"))
    }
}
