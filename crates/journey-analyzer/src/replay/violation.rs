//! Violations as a replay reports them: those that stand, and those that were explained away.

use std::collections::HashSet;

use journey_detect::{Alert, Finding};
use serde::Serialize;

use super::ledger::{Ledger, Told};
use super::moment::Moment;

/// The first offence of one journey against one rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// The order, or the best name of a journey without one.
    pub journey: String,
    /// `flow`, or the name of the rule.
    pub rule: String,
    /// The stage that offended.
    pub stage: String,
    /// Steps before it.
    pub index: usize,
    /// Stages that could have come in its place; empty for a rule.
    pub expected: Vec<String>,
    /// When it came.
    pub at: Moment,
}

/// A violation that a later span explained away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Withdrawn {
    /// The order, or the best name of a journey without one.
    pub journey: String,
    /// `flow`, or the name of the rule.
    pub rule: String,
    /// The stage that seemed to offend.
    pub stage: String,
    /// When it was raised.
    pub raised_at: Moment,
    /// When it was withdrawn.
    pub withdrawn_at: Moment,
}

pub(super) fn violation(finding: &Finding) -> Option<Violation> {
    let offence = finding.offence.as_ref()?;
    Some(Violation {
        journey: finding.key.order.to_string(),
        rule: finding.key.rule.as_deref().unwrap_or_default().to_owned(),
        stage: finding.key.stage.to_string(),
        index: offence.index,
        expected: offence.expected.iter().map(ToString::to_string).collect(),
        at: Moment(offence.at_ns),
    })
}

/// Violations that were told and stand no more. One that came back under another cause is not among them.
pub(super) fn withdrawn(ledger: &Ledger, standing: &[Violation]) -> Vec<Withdrawn> {
    let stands: HashSet<(&str, &str)> = standing.iter().map(|one| (&*one.journey, &*one.rule)).collect();
    let of = |told: &Told| {
        let key = &told.finding.key;
        let rule = key.rule.as_deref().unwrap_or_default();
        let is_over = key.alert == Alert::OrderViolation && !stands.contains(&(&*key.order, rule));
        Some(Withdrawn {
            journey: key.order.to_string(),
            rule: rule.to_owned(),
            stage: key.stage.to_string(),
            raised_at: Moment(told.raised_ns),
            withdrawn_at: Moment(told.cleared_ns.filter(|_| is_over)?),
        })
    };
    ledger.told.iter().filter_map(of).collect()
}
