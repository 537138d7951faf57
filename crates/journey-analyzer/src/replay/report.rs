//! The report of a replay. Its JSON form is `schema/replay.schema.json`, told in `docs/replay.md`.

use std::collections::BTreeMap;

use journey_detect::{Alert, Finding, IdentityConflict, Nanos, Verdict};
use serde::Serialize;

use super::ledger::{Ledger, Told};
use super::moment::Moment;
use super::notifications;
use super::stage_finding::{StageFinding, stage_finding, trend_finding};
use super::trouble::{RetryStorm, Trouble, retry_storms, trouble};
use super::violation::{Violation, Withdrawn, violation, withdrawn};

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Spans read, repeats and rejected ones included.
    pub spans: u64,
    /// Spans whose ids were read before.
    pub repeats: u64,
    /// What was not taken, by reason: spans, and bodies that could not be read.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Spans that are no business of any journey.
    pub irrelevant: u64,
    /// Share of the numbers in `journey.seq` that were not seen, 0.0 to 1.0; `None` without such numbers.
    pub loss_rate: Option<f64>,
    /// The last event time, or the moment that the clock ran on to.
    pub now: Moment,
    /// How many orders.
    pub journeys: Journeys,
    /// The orders by verdict.
    pub verdicts: Verdicts,
    /// The first offence of each journey against each rule, as it stands at the end.
    pub violations: Vec<Violation>,
    /// Orders that stood still, also those that went on later.
    pub stuck: Vec<Trouble>,
    /// Stages whose process died or stood still, also those that came back.
    pub dead: Vec<Trouble>,
    /// Stages that failed again and again.
    pub retry_storms: Vec<RetryStorm>,
    /// What is about a stage, a service or many orders at once, and orders that are slow.
    pub findings: Vec<StageFinding>,
    /// Values that two orders claim.
    pub identity_conflicts: Vec<Conflict>,
    /// Violations that later spans explained away.
    pub withdrawn: Vec<Withdrawn>,
    /// How often people would have been told something new.
    pub notifications: u64,
}

/// How many orders, and spans of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Journeys {
    /// Journeys with an anchor.
    pub count: u64,
    /// Pairs of a stage span and an order it belongs to.
    pub memberships: u64,
    /// Journeys without an anchor.
    pub unanchored: u64,
}

/// Anchor ids by verdict, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// All fits, and the order may end here.
    pub ok: Vec<String>,
    /// All fits, and the order may not end here.
    pub open: Vec<String>,
    /// A step came that may not come here, or a rule is broken.
    pub violated: Vec<String>,
    /// A step is missing, and there is reason to think that it was not seen.
    pub evidence_gap: Vec<String>,
}

/// A value of a key that two orders claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Conflict {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// The orders, sorted.
    pub anchors: Vec<String>,
    /// When it was claimed a second time.
    pub at: Moment,
}

/// What the player counted.
#[derive(Debug)]
pub(super) struct Tallies {
    pub(super) spans: u64,
    pub(super) repeats: u64,
    pub(super) rejected: BTreeMap<&'static str, u64>,
    pub(super) irrelevant: u64,
    pub(super) loss_rate: Option<f64>,
    pub(super) now_ns: Nanos,
}

impl Report {
    /// The report of what was said; `standing` are the findings that stand at the end.
    pub(super) fn new(tallies: Tallies, ledger: &Ledger, standing: Vec<Finding>) -> Self {
        let mut report = Self {
            spans: tallies.spans,
            repeats: tallies.repeats,
            rejected: tallies.rejected,
            irrelevant: tallies.irrelevant,
            loss_rate: tallies.loss_rate,
            now: Moment(tallies.now_ns),
            journeys: journeys(ledger),
            verdicts: verdicts(ledger),
            violations: standing.iter().chain(&ledger.kept).filter_map(violation).collect(),
            stuck: Vec::new(),
            dead: Vec::new(),
            retry_storms: retry_storms(ledger),
            findings: Vec::new(),
            identity_conflicts: ledger.conflicts.iter().map(conflict).collect(),
            withdrawn: Vec::new(),
            notifications: notifications::of(&ledger.told),
        };
        ledger.told.iter().for_each(|told| report.add(told));
        report.findings.extend(ledger.trends.iter().map(trend_finding));
        report.withdrawn = withdrawn(ledger, &report.violations);
        report.sort();
        report
    }

    /// Whether there is anything that people should look at.
    pub fn has_findings(&self) -> bool {
        let lists = [
            self.violations.len(),
            self.stuck.len(),
            self.dead.len(),
            self.retry_storms.len(),
            self.findings.len(),
            self.identity_conflicts.len(),
        ];
        lists.iter().any(|found| *found > 0)
    }

    fn add(&mut self, told: &Told) {
        let key = &told.finding.key;
        match (key.alert, key.order.is_empty()) {
            (Alert::OrderStuck, false) => self.stuck.push(trouble(told)),
            (Alert::StageDead, false) => self.dead.push(trouble(told)),
            // The journeys say it as it stands at the end, whichever way their spans came.
            (Alert::OrderViolation | Alert::RetryStorm, false) => {}
            // Each trend by itself; people were told of the first of those that came together.
            _ if told.finding.is_trend() => {}
            _ => self.findings.push(stage_finding(told)),
        }
    }

    /// Nothing depends on the order in which the engine spoke.
    fn sort(&mut self) {
        self.violations.sort();
        self.stuck.sort();
        self.dead.sort();
        self.retry_storms.sort();
        self.findings.sort_by(|one, other| {
            let key = |entry: &StageFinding| {
                let place = (entry.stage.clone(), entry.from_stage.clone(), entry.service.clone());
                (entry.warned_at, entry.alert, place, entry.facet.clone(), entry.journey.clone())
            };
            key(one).cmp(&key(other))
        });
        self.identity_conflicts.sort();
        self.withdrawn.sort();
    }
}

fn journeys(ledger: &Ledger) -> Journeys {
    let count = ledger.journeys.values().filter(|stand| stand.is_anchored).count();
    let names = ledger.spans.values().flat_map(|names| names.iter());
    Journeys {
        count: count as u64,
        memberships: names.filter(|name| ledger.is_order(name)).count() as u64,
        unanchored: (ledger.journeys.len() - count) as u64,
    }
}

fn verdicts(ledger: &Ledger) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (name, stand) in ledger.journeys.iter().filter(|(_, stand)| stand.is_anchored) {
        let list = match stand.verdict {
            Verdict::EvidenceGap => &mut verdicts.evidence_gap,
            Verdict::Ok { .. } => &mut verdicts.ok,
            Verdict::Open => &mut verdicts.open,
            Verdict::Violated => &mut verdicts.violated,
        };
        list.push(name.to_string());
    }
    verdicts
}

fn conflict(conflict: &IdentityConflict) -> Conflict {
    Conflict {
        key: conflict.key.to_string(),
        value: conflict.value.to_string(),
        anchors: conflict.anchors.iter().map(ToString::to_string).collect(),
        at: Moment(conflict.at_ns),
    }
}
