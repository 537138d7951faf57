//! What a detector says. A finding that people are told is an alert.

use std::fmt;

use journey_model::TraceId;

use crate::Nanos;

/// Which detector speaks, by the name of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alert {
    /// Too many signals of a service instance are lost on the way.
    EvidenceLoss,
    /// More time passes between two stages than usual.
    GapSlow,
    /// Nothing happened for too long.
    OrderStuck,
    /// A step came that may not come here.
    OrderViolation,
    /// Nothing comes from any service any more.
    PipelineSilent,
    /// A stage of one order fails again and again.
    RetryStorm,
    /// The process of a running stage died, or its work stands still.
    StageDead,
    /// A stage fails more often than usual.
    StageErrors,
    /// A stage is slow where a facet has one value.
    StagePartlySlow,
    /// A running stage is alive but past its limit, or a stage is slow for all orders.
    StageSlow,
}

impl Alert {
    const ALL: [Alert; 10] = [
        Alert::EvidenceLoss,
        Alert::GapSlow,
        Alert::OrderStuck,
        Alert::OrderViolation,
        Alert::PipelineSilent,
        Alert::RetryStorm,
        Alert::StageDead,
        Alert::StageErrors,
        Alert::StagePartlySlow,
        Alert::StageSlow,
    ];

    /// The label `alertname`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Alert::EvidenceLoss => "EvidenceLoss",
            Alert::GapSlow => "GapSlow",
            Alert::OrderStuck => "OrderStuck",
            Alert::OrderViolation => "OrderViolation",
            Alert::PipelineSilent => "PipelineSilent",
            Alert::RetryStorm => "RetryStorm",
            Alert::StageDead => "StageDead",
            Alert::StageErrors => "StageErrors",
            Alert::StagePartlySlow => "StagePartlySlow",
            Alert::StageSlow => "StageSlow",
        }
    }

    /// The alert of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alert| alert.as_str() == text)
    }

    /// The label `severity` of this alert where nothing says more: the pipeline's own alerts page.
    pub const fn severity(self) -> Severity {
        match self {
            Alert::EvidenceLoss | Alert::PipelineSilent => Severity::Page,
            _ => Severity::Warning,
        }
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
    /// No instance of any service sends signals.
    AllSilent,
    /// Failures have become more frequent.
    MoreFailures,
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
    /// Numbers of `journey.seq` are missing.
    NumbersMissing,
    /// Failed attempts of one stage follow each other.
    Retries,
    /// A rule of the definition is broken.
    Rule,
    /// Durations have become longer.
    Slower,
    /// A step came where it may not come.
    WrongOrder,
}

impl Reason {
    const ALL: [Reason; 12] = [
        Reason::AllSilent,
        Reason::MissingStep,
        Reason::MoreFailures,
        Reason::NumbersMissing,
        Reason::Retries,
        Reason::Slower,
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
            Reason::AllSilent => "all_silent",
            Reason::MissingStep => "missing_step",
            Reason::MoreFailures => "more_failures",
            Reason::NoBeats => "no_beats",
            Reason::NoProgress => "no_progress",
            Reason::NotFinished => "not_finished",
            Reason::NotStarted => "not_started",
            Reason::NumbersMissing => "numbers_missing",
            Reason::Retries => "retries",
            Reason::Rule => "rule",
            Reason::Slower => "slower",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody should look now.
    Page,
    /// Somebody should look today.
    Warning,
}

impl Severity {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Warning => "warning",
        }
    }

    /// The severity of this word.
    pub fn parse(text: &str) -> Option<Self> {
        [Severity::Page, Severity::Warning].into_iter().find(|severity| severity.as_str() == text)
    }
}

/// What identifies a finding: the labels of its alert. An empty or absent one is no label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// Label `alertname`.
    pub alert: Alert,
    /// Label `order_id`: the order, or the best name of a journey without one. Empty: about no single order.
    pub order: Box<str>,
    /// Label `journey_stage`. Empty: about no stage.
    pub stage: Box<str>,
    /// Label `rule`: `flow` or the name of the rule that was broken.
    pub rule: Option<Box<str>>,
    /// Label `service`.
    pub service: Option<Box<str>>,
    /// Label `from_stage`: where a gap begins.
    pub from_stage: Option<Box<str>>,
    /// Label `facet`.
    pub facet: Option<Box<str>>,
    /// Label `value`: the value of the facet.
    pub value: Option<Box<str>>,
    /// Label `service_instance`.
    pub instance: Option<Box<str>>,
    /// Label `severity`.
    pub severity: Severity,
}

impl FindingKey {
    /// The key of an alert with no label beside its name and usual severity.
    pub fn new(alert: Alert) -> Self {
        Self {
            alert,
            order: Box::default(),
            stage: Box::default(),
            rule: None,
            service: None,
            from_stage: None,
            facet: None,
            value: None,
            instance: None,
            severity: alert.severity(),
        }
    }

    /// The key of an alert about one order in one stage.
    pub fn of_order(alert: Alert, order: &str, stage: &str) -> Self {
        Self { order: order.into(), stage: stage.into(), ..Self::new(alert) }
    }

    /// The same without the order, and with the severity of many.
    pub(crate) fn folded(&self) -> Self {
        let severity = if self.alert == Alert::StageDead { Severity::Page } else { self.severity };
        Self { order: Box::default(), severity, ..self.clone() }
    }

    /// Whether an alert of this key, about many orders, hides that of another, about one.
    pub fn hides(&self, single: &FindingKey) -> bool {
        self.order.is_empty() && !single.order.is_empty() && single.folded() == *self
    }
}

/// One finding: about one order, about many orders with one cause, or about a service instance.
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
    /// Where the order was broken: of [`Alert::OrderViolation`] only, and not of one that was stored.
    pub offence: Option<Offence>,
    /// The orders, if it is about many.
    pub orders: Option<Orders>,
}

/// Orders with one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// At most [`crate::limits::FOLDED_ORDERS_MAX`] of them, the least names.
    pub some: Vec<Box<str>>,
    /// How many there are.
    pub count: usize,
}

impl fmt::Display for Orders {
    /// The names, and how many more: annotation `orders`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.some.join(", "))?;
        match self.count.saturating_sub(self.some.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The first step that broke the flow or a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// How many steps of the journey came before it; failed attempts and repeats are none.
    pub index: usize,
    /// Stages that could have come in its place, in the order of the definition. Empty for a rule.
    pub expected: Vec<Box<str>>,
    /// When it came, by what orders the steps, in nanoseconds since the Unix epoch.
    pub at_ns: Nanos,
}

impl Finding {
    /// Whether it is about what is usual in a stage, and not about orders.
    pub fn is_trend(&self) -> bool {
        matches!(self.reason, Reason::MoreFailures | Reason::Slower)
    }

    /// Whether both say the same thing about the same cause.
    pub(crate) fn is_same(&self, other: &Finding) -> bool {
        self.key == other.key && self.cause == other.cause
    }
}
