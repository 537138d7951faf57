//! Calls to PostgreSQL.

use anyhow::Result;
use journey_testkit::services::Kind;

use super::{How, answers::Answers, goal::Goal, measure::Bench, programs::Programs, report::Report};
use crate::{interrupt::Interrupt, parts::Parts, progress::Progress};

/// Builds, starts a server, measures, prints, and judges.
pub(super) fn run(how: &How, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let programs = Programs::build(progress, interrupt)?;
    let servers = Parts::find(&[Kind::Postgres], how.consent(), progress, interrupt)?;
    let figures = BENCH.measure(how, &programs.with(&servers), progress, interrupt)?;
    let mut goals = Vec::new();
    if how.only.is_none() {
        for (case, at_most) in RATIOS {
            goals.push(Goal::ratio(&figures, case, at_most, how)?);
        }
        for (case, at_most) in ALLOCATIONS {
            goals.push(Goal::allocations(&figures, case, at_most)?);
        }
    }
    Report { figures, goals, answers: Answers::default() }.conclude(how)
}

const BENCH: Bench =
    Bench { program: "sqlx", counting: "sqlx_allocations", base: |_| None, counts_instructions: false };

/// Of what the client's thread needs with sqlx's own pool.
const RATIOS: [(&str, f64); 2] = [("query/sampled", 1.08), ("query/unsampled", 1.01)];

/// Over sqlx's own pool, per query. Four and none; now and then something grows.
const ALLOCATIONS: [(&str, f64); 4] = [
    ("query/sampled", 4.5),
    ("query/unsampled", 0.5),
    ("query/sampled_metrics", 4.5),
    ("query/unsampled_metrics", 0.5),
];
