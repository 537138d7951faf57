//! The report of a replay. Its JSON form is `schema/replay.schema.json`, told in `docs/replay.md`.

use std::collections::{BTreeMap, HashSet};

use journey_detect::trend::TrendFinding;
use journey_detect::{Alert, Finding, IdentityConflict, Nanos, Severity, Storm, Verdict};
use serde::Serialize;

use super::ledger::{Ledger, Told};
use super::moment::Moment;
use super::notifications;

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

/// Something about one stage of one journey that a deadline told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Trouble {
    /// The order, or the best name of a journey without one.
    pub journey: String,
    /// The stage that it waits for, or that is dead.
    pub stage: String,
    /// When it was found.
    pub at: Moment,
    /// When the trouble began.
    pub since: Moment,
    /// Why.
    pub reason: &'static str,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Moment>,
}

/// A stage of one order that failed again and again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RetryStorm {
    /// The order, or the best name of a journey without one.
    pub journey: String,
    /// The stage that failed.
    pub stage: String,
    /// When it failed once too often.
    pub at: Moment,
    /// How many attempts failed close together.
    pub attempts: usize,
}

/// A finding that is not about one order that stands still: a slowdown or error burst of a stage, a cause that many
/// orders share, evidence that is lost, an order that is slow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageFinding {
    /// Name of the alert.
    pub alert: &'static str,
    /// The stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The stage that a gap begins after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_stage: Option<String>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The service instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_instance: Option<String>,
    /// Where it is so; absent: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facet: Option<Facet>,
    /// The order, if it is about one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journey: Option<String>,
    /// When it was first suspected.
    pub warned_at: Moment,
    /// When it was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paged_at: Option<Moment>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Moment>,
    /// Spans from the change to the warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans_until_warning: Option<u32>,
    /// Spans from the change to the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans_until_page: Option<u32>,
    /// How many times as long as usual, or as often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Orders that it rests on.
    pub journeys_count: usize,
}

/// One value of one facet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Facet {
    /// The attribute.
    pub key: String,
    /// Its value.
    pub value: String,
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

fn violation(finding: &Finding) -> Option<Violation> {
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

fn trouble(told: &Told) -> Trouble {
    let Told { finding, raised_ns, cleared_ns } = told;
    Trouble {
        journey: finding.key.order.to_string(),
        stage: finding.key.stage.to_string(),
        at: Moment(*raised_ns),
        since: Moment(finding.since_ns),
        reason: finding.reason.as_str(),
        cleared_at: cleared_ns.map(Moment),
    }
}

fn retry_storms(ledger: &Ledger) -> Vec<RetryStorm> {
    let of = |name: &str, storm: &Storm| RetryStorm {
        journey: name.to_owned(),
        stage: storm.stage.to_string(),
        at: Moment(storm.at_ns),
        attempts: storm.attempts,
    };
    ledger.storms.iter().flat_map(|(name, storms)| storms.iter().map(move |storm| of(name, storm))).collect()
}

fn stage_finding(told: &Told) -> StageFinding {
    let Told { finding: Finding { key, orders, .. }, raised_ns, cleared_ns } = told;
    let text = |label: &Option<Box<str>>| label.as_ref().map(ToString::to_string);
    let named = |label: &str| (!label.is_empty()).then(|| label.to_owned());
    StageFinding {
        alert: key.alert.as_str(),
        stage: named(&key.stage),
        from_stage: text(&key.from_stage),
        service: text(&key.service),
        service_instance: text(&key.instance),
        facet: text(&key.facet)
            .map(|facet| Facet { key: facet, value: text(&key.value).unwrap_or_default() }),
        journey: named(&key.order),
        warned_at: Moment(*raised_ns),
        paged_at: (key.severity == Severity::Page).then_some(Moment(*raised_ns)),
        cleared_at: cleared_ns.map(Moment),
        spans_until_warning: None,
        spans_until_page: None,
        ratio: None,
        journeys_count: orders.as_ref().map_or(usize::from(!key.order.is_empty()), |orders| orders.count),
    }
}

fn trend_finding(trend: &TrendFinding) -> StageFinding {
    let key = trend.label_key();
    let text = |label: Option<Box<str>>| label.map(String::from);
    StageFinding {
        alert: key.alert.as_str(),
        stage: Some(String::from(key.stage)),
        from_stage: text(key.from_stage),
        service: text(key.service),
        service_instance: None,
        facet: key.facet.zip(key.value).map(|(key, value)| Facet { key: key.into(), value: value.into() }),
        journey: None,
        warned_at: Moment(trend.warned_at_ns),
        paged_at: trend.paged_at_ns.map(Moment),
        cleared_at: trend.cleared_at_ns.map(Moment),
        spans_until_warning: Some(trend.spans_until_warning),
        spans_until_page: trend.spans_until_page,
        ratio: Some(trend.ratio),
        journeys_count: trend.journeys_count,
    }
}

fn conflict(conflict: &IdentityConflict) -> Conflict {
    Conflict {
        key: conflict.key.to_string(),
        value: conflict.value.to_string(),
        anchors: conflict.anchors.iter().map(ToString::to_string).collect(),
        at: Moment(conflict.at_ns),
    }
}

/// Violations that were told and stand no more. One that came back under another cause is not among them.
fn withdrawn(ledger: &Ledger, standing: &[Violation]) -> Vec<Withdrawn> {
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
