//! What a detector says. A finding that people are told is an alert.

use std::fmt;

use journey_model::TraceId;

use crate::Nanos;

/// Which detector speaks, by the name of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alert {
    /// Nothing happened for too long.
    OrderStuck,
    /// A step came that may not come here.
    OrderViolation,
    /// The process of a running stage died, or its work stands still.
    StageDead,
    /// A running stage is alive but past its limit.
    StageSlow,
}

impl Alert {
    /// The label `alertname`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Alert::OrderStuck => "OrderStuck",
            Alert::OrderViolation => "OrderViolation",
            Alert::StageDead => "StageDead",
            Alert::StageSlow => "StageSlow",
        }
    }

    /// The alert of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Alert::OrderStuck, Alert::OrderViolation, Alert::StageDead, Alert::StageSlow]
            .into_iter()
            .find(|alert| alert.as_str() == text)
    }

    /// The label `severity`.
    pub const fn severity(self) -> Severity {
        Severity::Warning
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a finding was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A step that belongs before it is missing, and there is no reason to think that it was not seen.
    MissingStep,
    /// No beat came for four intervals.
    NoBeats,
    /// Beats come, but the work shows no sign of life.
    NoProgress,
    /// A stage runs past its limit.
    NotFinished,
    /// A stage did not come within its limit.
    NotStarted,
    /// A rule of the definition is broken.
    Rule,
    /// A step came where it may not come.
    WrongOrder,
}

impl Reason {
    const ALL: [Reason; 7] = [
        Reason::MissingStep,
        Reason::NoBeats,
        Reason::NoProgress,
        Reason::NotFinished,
        Reason::NotStarted,
        Reason::Rule,
        Reason::WrongOrder,
    ];

    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::MissingStep => "missing_step",
            Reason::NoBeats => "no_beats",
            Reason::NoProgress => "no_progress",
            Reason::NotFinished => "not_finished",
            Reason::NotStarted => "not_started",
            Reason::Rule => "rule",
            Reason::WrongOrder => "wrong_order",
        }
    }

    /// The reason of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How loud an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look today.
    Warning,
}

impl Severity {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
        }
    }
}

/// What identifies a finding: the labels of its alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// Label `alertname`.
    pub alert: Alert,
    /// Label `order_id`: the order, or the best name of a journey without one.
    pub order: Box<str>,
    /// Label `journey_stage`.
    pub stage: Box<str>,
    /// Label `rule`: `flow` or the name of the rule that was broken.
    pub rule: Option<Box<str>>,
    /// Label `service`.
    pub service: Option<Box<str>>,
}

/// One finding about one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What identifies it.
    pub key: FindingKey,
    /// What it rests on: the same key with another cause is another finding.
    pub cause: Box<str>,
    /// Why, as a word: annotation `reason`.
    pub reason: Reason,
    /// One sentence a customer could be told.
    pub summary: Box<str>,
    /// The stage or stages that would end it.
    pub waiting_for: Option<Box<str>>,
    /// What was seen, for an engineer.
    pub evidence: Box<str>,
    /// The trace to look at.
    pub trace_id: Option<TraceId>,
    /// Event time at which the trouble began, in nanoseconds since the Unix epoch.
    pub since_ns: Nanos,
}

impl Finding {
    /// Whether both say the same thing about the same cause.
    pub(crate) fn is_same(&self, other: &Finding) -> bool {
        self.key == other.key && self.cause == other.cause
    }
}
