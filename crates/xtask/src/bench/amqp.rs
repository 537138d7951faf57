//! Messages to and from RabbitMQ.

use anyhow::Result;
use journey_testkit::services::Kind;

use super::{How, answers::Answers, goal::Goal, measure::Bench, programs::Programs, report::Report};
use crate::{interrupt::Interrupt, parts::Parts, progress::Progress};

/// Builds, starts a broker, measures, prints, and judges.
pub(super) fn run(how: &How, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let programs = Programs::build(progress, interrupt)?;
    let servers = Parts::find(&[Kind::RabbitMq], how.consent(), progress, interrupt)?;
    let figures = BENCH.measure(how, &programs.with(&servers), progress, interrupt)?;
    let mut goals = Vec::new();
    if how.only.is_none() {
        for case in RATIOS {
            goals.push(Goal::ratio(&figures, case, RATIO_MAX, how)?);
        }
        for (case, at_most) in ALLOCATIONS {
            goals.push(Goal::allocations(&figures, case, at_most)?);
        }
        for (case, at_most) in INSTRUCTIONS {
            // None were counted if the caller wanted so.
            if let Some(is) = Report::of(&figures, case)?.instructions_over {
                let what = format!("{case}: instructions");
                goals.push(Goal { what, is, at_most, gates: true });
            }
        }
        let is = Report::of(&figures, "headers/inject")?.ns_over;
        let what = "headers/inject: ns".to_owned();
        goals.push(Goal { what, is, at_most: INJECT_NS_MAX, gates: false });
    }
    Report { figures, goals, answers: Answers::default() }.conclude(how)
}

const BENCH: Bench = Bench { program: "amqp", counting: "amqp_allocations", base, counts_instructions: true };

/// For times and allocations, messages have a base of their own that takes turns with them.
fn base(case: &str) -> Option<String> {
    match case.split_once('/')? {
        ("headers", "inject") => Some("headers/none".to_owned()),
        ("headers" | "lapin", _) => None,
        (work, _) => Some(format!("lapin/{work}")),
    }
}

const RATIOS: [&str; 4] = ["publish/sampled", "publish/unsampled", "consume/sampled", "consume/unsampled"];
/// Of what the whole client needs with lapin's own channel.
const RATIO_MAX: f64 = 1.05;

/// Over the base, per message; the base writes the same headers.
const ALLOCATIONS: [(&str, f64); 6] = [
    ("publish/sampled", 5.0),
    ("publish/unsampled", 1.0),
    ("consume/sampled", 12.0),
    ("consume/unsampled", 6.0),
    ("headers/inject", 3.0),
    ("headers/extract", 1.0),
];

/// Over the base, per message, on the thread that publishes or consumes: what our crate and the SDK do, but not the export.
/// Counts repeat to some hundreds, because lapin's futures are polled now once and now twice.
const INSTRUCTIONS: [(&str, f64); 4] = [
    ("publish/sampled", 7_500.0),
    ("publish/unsampled", 4_500.0),
    ("consume/sampled", 10_000.0),
    ("consume/unsampled", 6_000.0),
];

/// A `traceparent` into empty headers.
const INJECT_NS_MAX: f64 = 200.0;
