//! From an ended span to the bytes that are sent.

use anyhow::Result;

use super::{How, answers::Answers, goal::Goal, measure::Bench, programs::Programs, report::Report};
use crate::{interrupt::Interrupt, progress::Progress};

/// Builds, measures, prints, and judges. The cases themselves prove that both write the same.
pub(super) fn run(how: &How, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let programs = Programs::build(progress, interrupt)?;
    let figures = BENCH.measure(how, &programs, progress, interrupt)?;
    let mut goals = Vec::new();
    if how.only.is_none() && !how.no_instructions {
        let instructions = |case: &str| Ok::<_, anyhow::Error>(Report::of(&figures, case)?.instructions_over);
        let is = instructions("export/journey")?.zip(instructions("export/official")?);
        let is = is.map_or(f64::NAN, |(ours, other)| ours / other);
        let what = "export, instructions: journey / official".to_owned();
        goals.push(Goal { what, is, at_most: 0.2, gates: true });
    }
    Report { figures, goals, answers: Answers::default() }.conclude(how)
}

const BENCH: Bench =
    Bench { program: "export", counting: "export_allocations", base, counts_instructions: true };

/// The official transformation takes the batch by value; the copy that it is given is not its cost.
fn base(case: &str) -> Option<String> {
    (case == "export/official").then(|| "export/clone".to_owned())
}
