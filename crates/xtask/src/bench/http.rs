//! The HTTP layers and middlewares.

use anyhow::Result;

use super::{
    How,
    answers::Answers,
    goal::Goal,
    measure::{Bench, Figures},
    programs::Programs,
    report::Report,
};
use crate::{interrupt::Interrupt, progress::Progress};

/// Builds, measures, prints, and judges.
pub(super) fn run(how: &How, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let programs = Programs::build(progress, interrupt)?;
    let answers = match how.only {
        None => progress.step("Ask what each layer gets right", |_| Answers::ask(&programs))?,
        Some(_) => Answers::default(),
    };
    interrupt.check()?;
    let figures = BENCH.measure(how, &programs, progress, interrupt)?;
    let complete = how.only.is_none() && !how.no_instructions;
    let goals = if complete { goals(&figures)? } else { Vec::new() };
    Report { figures, goals, answers }.conclude(how)
}

const BENCH: Bench = Bench { program: "http", counting: "http_allocations", base, counts_instructions: true };

/// `server/LAYER/REQUEST` is over `server/none/REQUEST`.
fn base(case: &str) -> Option<String> {
    let mut words = case.split('/');
    let (side, _, what) = (words.next()?, words.next()?, words.next()?);
    Some(format!("{side}/none/{what}"))
}

fn goals(figures: &[Figures]) -> Result<Vec<Goal>> {
    let of = |case: &str| Report::of(figures, case);
    let instructions = |case: &str| Ok::<_, anyhow::Error>(of(case)?.instructions_over.unwrap_or(f64::NAN));
    let mut goals = Vec::new();
    for (request, at_most) in ALLOCATIONS {
        let is = of(&format!("server/journey_metrics/{request}"))?.allocations_over;
        goals.push(Goal { what: format!("server, {request}: allocations"), is, at_most, gates: true });
    }
    for (ours, other, at_most) in INSTRUCTIONS {
        let is = instructions(ours)? / instructions(other)?;
        goals.push(Goal { what: format!("instructions: {ours} / {other}"), is, at_most, gates: true });
    }
    let (polled, once) = ("server/journey_metrics/polls", "server/journey_metrics/sampled");
    goals.push(Goal {
        what: "server, extra poll: instructions".to_owned(),
        is: (instructions(polled)? - instructions(once)?) / EXTRA_POLLS,
        at_most: EXTRA_POLL_INSTRUCTIONS,
        gates: true,
    });
    goals.push(Goal {
        what: "server, extra poll: ns".to_owned(),
        is: (of(polled)?.ns_over - of(once)?.ns_over) / EXTRA_POLLS,
        at_most: EXTRA_POLL_NS,
        gates: false,
    });
    Ok(goals)
}

/// Over the pass-through layer, per request. One more per id in the caller's baggage.
const ALLOCATIONS: [(&str, f64); 5] =
    [("sampled", 12.0), ("unsampled", 5.0), ("root", 5.0), ("baggage", 15.0), ("baggage_unsampled", 8.0)];

/// Over the base, per operation.
const INSTRUCTIONS: [(&str, &str, f64); 4] = [
    ("server/journey_metrics/sampled", "server/official_metrics/sampled", 0.6),
    ("server/journey_metrics/unsampled", "server/official_metrics/unsampled", 0.25),
    ("client/journey/sampled", "client/reqwest_tracing/sampled", 0.25),
    ("client/journey/unsampled", "client/reqwest_tracing/unsampled", 0.12),
];

/// How often the handler of the case `polls` is polled more than once.
const EXTRA_POLLS: f64 = 16.0;
/// The goal, over the pass-through layer.
const EXTRA_POLL_NS: f64 = 50.0;
/// What [`EXTRA_POLL_NS`] are in instructions, at the 8 per nanosecond that all layers without a tracing bridge showed on
/// the machine where the goal was set.
const EXTRA_POLL_INSTRUCTIONS: f64 = 400.0;
