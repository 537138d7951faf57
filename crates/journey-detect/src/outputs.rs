//! What the engine tells its caller.

use std::sync::Arc;

use crate::identity::Conflict;
use crate::trend::TrendChange;
use crate::{Attempt, Finding, Instance, Nanos, Pairs, Verdict, Wait};

/// What the engine counted since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Spans that said something new or old about an attempt.
    pub stage_signals: u64,
    /// Process signals.
    pub process_signals: u64,
    /// Spans that are no business of any journey.
    pub irrelevant: u64,
    /// Markers without a stage span or name.
    pub malformed: u64,
    /// Spans that said nothing new.
    pub repeats: u64,
    /// Attempts refused because their journey has [`crate::limits::ATTEMPTS_PER_GROUP_MAX`].
    pub journey_full: u64,
    /// Ties not made because their journeys have [`crate::limits::ATTEMPTS_PER_GROUP_MAX`].
    pub ties_refused: u64,
    /// Attempts without a journey, given up because too many wait, or for too long.
    pub given_up: u64,
    /// Journeys that left memory because nothing happened for `expire_after`.
    pub expired: u64,
    /// Journeys that left memory because it holds [`crate::limits::JOURNEYS_MAX`].
    pub evicted: u64,
}

/// Names of journeys, sorted.
pub type JourneyNames = Arc<[Arc<str>]>;

/// What changed since the last look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outputs {
    /// New state of attempts, and the names of the journeys each belongs to.
    pub attempts: Vec<(Arc<Attempt>, JourneyNames)>,
    /// New state of journeys.
    pub journeys: Vec<Arc<JourneyRow>>,
    /// Names under which there is no journey any more: it is part of another one.
    pub gone: Vec<Arc<str>>,
    /// Findings that no longer stand. They are to be applied before `raised`.
    pub cleared: Vec<Finding>,
    /// Findings that stand from now on.
    pub raised: Vec<Finding>,
    /// Findings that stand on with another text: about many orders, or a trend that shows in further places.
    pub updated: Vec<Finding>,
    /// Each change of each trend, in event order. Of what came together only the first is among `raised`.
    pub trends: Vec<TrendChange>,
    /// Identity conflicts that later spans explained away. They are to be applied before `conflicts`.
    pub conflicts_withdrawn: Vec<IdentityConflict>,
    /// Identity conflicts found.
    pub conflicts: Vec<IdentityConflict>,
    /// New state of service instances.
    pub instances: Vec<Instance>,
}

impl Outputs {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What stands about one journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyRow {
    /// The anchor's value, or `key=value` of an alias while no anchor is known.
    pub name: Arc<str>,
    /// Whether the anchor is known.
    pub is_anchored: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// Event time of its first and last sign of life.
    pub span_ns: (Nanos, Nanos),
    /// Keys and values of its attempts, sorted.
    pub keys: Pairs,
    /// Stages that failed again and again, whether they went well later or not.
    pub storms: Vec<Storm>,
}

/// Too many failed attempts of one stage of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storm {
    /// The stage.
    pub stage: Box<str>,
    /// Event time of the failure that made it a storm, in nanoseconds since the Unix epoch.
    pub at_ns: Nanos,
    /// How many attempts failed close together.
    pub attempts: usize,
}

/// Two orders claim one value of an alias key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConflict {
    /// The key.
    pub key: Box<str>,
    /// The value.
    pub value: Arc<str>,
    /// The two anchors, sorted.
    pub anchors: [Arc<str>; 2],
    /// Event time of the span that claims it second.
    pub at_ns: Nanos,
}

/// Why a span was not taken, though it is one of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its journey has [`crate::limits::ATTEMPTS_PER_GROUP_MAX`] attempts.
    JourneyFull,
    /// A marker without a stage span or name.
    Malformed,
}

impl Refusal {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::JourneyFull => "journey_full",
            Refusal::Malformed => "malformed_marker",
        }
    }
}

impl From<Conflict> for IdentityConflict {
    fn from(conflict: Conflict) -> Self {
        let Conflict { key, value, anchors, at_ns } = conflict;
        Self { key, value, anchors, at_ns }
    }
}
