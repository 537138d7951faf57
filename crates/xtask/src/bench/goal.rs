//! The goals of the project, and whether they are met.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use serde::Serialize;

use super::{How, measure::Figures, report::Report};

/// A figure with a limit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Goal {
    /// What is limited.
    pub(crate) what: String,
    /// The figure of this run.
    pub(crate) is: f64,
    /// The most that it may be.
    pub(crate) at_most: f64,
    /// Whether the gate looks at it. It does not look at times, which depend on the machine.
    pub(crate) gates: bool,
}

impl Goal {
    /// The time of a case in relation to its base. A ratio of one run, so the gate looks at it if there were enough rounds.
    pub(crate) fn ratio(figures: &[Figures], case: &str, at_most: f64, how: &How) -> Result<Self> {
        let is = Report::of(figures, case)?.ratio.with_context(|| format!("case {case} has no base"))?;
        Ok(Self { what: format!("{case}: time / without"), is, at_most, gates: !how.quick })
    }

    /// What a case allocates over its base.
    pub(crate) fn allocations(figures: &[Figures], case: &str, at_most: f64) -> Result<Self> {
        let is = Report::of(figures, case)?.allocations_over;
        Ok(Self { what: format!("{case}: allocations"), is, at_most, gates: true })
    }

    /// Whether the figure keeps its limit.
    pub(crate) fn is_met(&self) -> bool {
        self.is <= self.at_most
    }
}

/// The goals as a table.
pub(crate) fn table(goals: &[Goal]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["goal", "is", "at most", ""]);
    for goal in goals {
        let mark = match (goal.is_met(), goal.gates) {
            (true, _) => "met",
            (false, true) => "MISSED",
            (false, false) => "missed, no gate",
        };
        table.add_row([goal.what.as_str(), &short(goal.is), &short(goal.at_most), mark]);
    }
    table
}

/// Fails with the goals that are missed.
///
/// # Errors
///
/// If one is missed.
pub(crate) fn judge(goals: &[Goal]) -> Result<()> {
    let mut missed = String::new();
    for goal in goals.iter().filter(|goal| goal.gates && !goal.is_met()) {
        let _ = write!(missed, "\n  {}: {}, at most {}", goal.what, short(goal.is), short(goal.at_most));
    }
    if missed.is_empty() { Ok(()) } else { bail!("goals are missed:{missed}") }
}

/// Three digits for a ratio, none for a count.
fn short(number: f64) -> String {
    if number.abs() < 10.0 && number.fract() != 0.0 { format!("{number:.3}") } else { format!("{number:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(what: &str, is: f64, at_most: f64) -> Goal {
        Goal { what: what.to_owned(), is, at_most, gates: true }
    }

    /// Scenario: one goal is met exactly, another missed by a little, a time is missed.
    /// Guarantees: only the missed one that gates fails the run, and is named with both numbers.
    #[test]
    fn a_missed_goal_is_named() {
        assert!(judge(&[goal("allocations", 12.0, 12.0)]).is_ok());
        assert!(judge(&[Goal { gates: false, ..goal("ns", 60.0, 50.0) }]).is_ok());
        let error = judge(&[goal("allocations", 12.0, 12.0), goal("ratio", 0.613, 0.6)]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("ratio: 0.613, at most 0.600"), "{text}");
        assert!(!text.contains("allocations"), "{text}");
    }
}
