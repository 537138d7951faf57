//! What the trend detectors tell.

use std::fmt;

use crate::{Alert, FindingKey, Nanos, Severity};

/// The name of a trend alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrendAlert {
    /// More time passes before a stage than usual.
    GapSlow,
    /// A stage fails more often than usual.
    StageErrors,
    /// A stage is slow where a facet has one value.
    StagePartlySlow,
    /// A stage is slow.
    StageSlow,
}

impl TrendAlert {
    /// The label `alertname`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TrendAlert::GapSlow => "GapSlow",
            TrendAlert::StageErrors => "StageErrors",
            TrendAlert::StagePartlySlow => "StagePartlySlow",
            TrendAlert::StageSlow => "StageSlow",
        }
    }
}

impl fmt::Display for TrendAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a finding compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Its own past.
    Past,
    /// The other values of the same facet, now; it may have been so for ever, so nobody is woken.
    Peers,
}

/// What a gap is measured from: [`super::Since`] with a text of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapFrom {
    /// The call of this service.
    Call(Box<str>),
    /// The hand-over to this queue.
    Queue(Box<str>),
    /// The end of this stage: label `from_stage`.
    Stage(Box<str>),
}

/// One value of one facet: labels `facet` and `value`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FacetLabel {
    /// The attribute.
    pub key: Box<str>,
    /// Its value; `None` stands for all values that are not followed by themselves.
    pub value: Option<Box<str>>,
}

/// What identifies a trend finding: the labels of its alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrendKey {
    /// Label `alertname`.
    pub alert: TrendAlert,
    /// Label `journey_stage`.
    pub stage: Box<str>,
    /// What the gap is measured from; `None` unless it is one.
    pub from: Option<GapFrom>,
    /// Label `service`.
    pub service: Box<str>,
    /// Where it is so; `None`: everywhere.
    pub facet: Option<FacetLabel>,
}

/// One trend finding.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendFinding {
    /// What identifies it.
    pub key: TrendKey,
    /// What it compares with.
    pub basis: Basis,
    /// Event time of the change, as estimated, in nanoseconds since the Unix epoch.
    pub since_ns: Nanos,
    /// Event time of the warning.
    pub warned_at_ns: Nanos,
    /// Event time of the page, once it is confirmed.
    pub paged_at_ns: Option<Nanos>,
    /// Event time of its end.
    pub cleared_at_ns: Option<Nanos>,
    /// Spans from the change to the warning.
    pub spans_until_warning: u32,
    /// Spans from the change to the page.
    pub spans_until_page: Option<u32>,
    /// How many times as long as usual (median), or as often.
    pub ratio: f64,
    /// The usual median in nanoseconds; of [`TrendAlert::StageErrors`] the usual share of failures, 0.0 to 1.0.
    pub usual: f64,
    /// Orders among the spans it rests on, as far as those are kept.
    pub journeys_count: usize,
    /// A value of a further facet in which at least 80 % of the excess lies, if the rest is as usual; of
    /// [`TrendAlert::StageErrors`] the value that at least 80 % of the last failures have, if others are common.
    pub within: Option<FacetLabel>,
    /// Warning of the oldest finding of the same alert that stood when this one was raised and changed at the same
    /// time: findings with one value of this came together, and are one cause to people.
    pub cause_ns: Nanos,
}

impl TrendFinding {
    /// The labels of its alert: a confirmed one pages.
    pub fn label_key(&self) -> FindingKey {
        let TrendKey { alert, stage, from, service, facet } = &self.key;
        let severity = if self.paged_at_ns.is_some() { Severity::Page } else { Severity::Warning };
        FindingKey {
            stage: stage.clone(),
            service: Some(service.clone()).filter(|service| !service.is_empty()),
            from_stage: from.as_ref().map(|from| from.to_string().into()),
            facet: facet.as_ref().map(|label| label.key.clone()),
            value: facet.as_ref().map(|label| label.text().into()),
            severity,
            ..FindingKey::new((*alert).into())
        }
    }
}

impl From<TrendAlert> for Alert {
    fn from(alert: TrendAlert) -> Self {
        match alert {
            TrendAlert::GapSlow => Alert::GapSlow,
            TrendAlert::StageErrors => Alert::StageErrors,
            TrendAlert::StagePartlySlow => Alert::StagePartlySlow,
            TrendAlert::StageSlow => Alert::StageSlow,
        }
    }
}

impl fmt::Display for GapFrom {
    /// The label `from_stage`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GapFrom::Call(service) => write!(f, "call of {service}"),
            GapFrom::Queue(queue) => write!(f, "queue {queue}"),
            GapFrom::Stage(stage) => f.write_str(stage),
        }
    }
}

impl FacetLabel {
    /// The value, or `(others)` for all that are not followed by themselves.
    pub fn text(&self) -> &str {
        self.value.as_deref().unwrap_or("(others)")
    }
}

/// What changed.
#[derive(Debug, Clone, PartialEq)]
pub enum TrendChange {
    /// It no longer stands, or another finding explains it.
    Cleared(TrendFinding),
    /// It was confirmed.
    Paged(TrendFinding),
    /// It stands from now on; it may be confirmed already.
    Raised(TrendFinding),
}

impl TrendChange {
    /// The finding as it is now.
    pub fn finding(&self) -> &TrendFinding {
        let (TrendChange::Cleared(finding) | TrendChange::Paged(finding) | TrendChange::Raised(finding)) =
            self;
        finding
    }

    pub(super) fn finding_mut(&mut self) -> &mut TrendFinding {
        let (TrendChange::Cleared(finding) | TrendChange::Paged(finding) | TrendChange::Raised(finding)) =
            self;
        finding
    }
}
