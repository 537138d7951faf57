//! What one span says about an attempt or a service instance.

use journey_model::ProcessState;

use crate::{Attempt, Nanos};

/// What one span says.
#[derive(Debug)]
pub(crate) enum Observation {
    /// Nothing about a journey.
    Irrelevant,
    /// A marker without the stage span it belongs to, or without the stage's name.
    Malformed,
    /// A service instance runs or stops.
    Process(ProcessSignal),
    /// Something about an attempt of a stage.
    Stage(Box<Attempt>, Option<Numbered>),
}

/// The number that a marker or an end used up, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) seq: u64,
    /// Earliest and latest event time at which it can have been given.
    pub(crate) between_ns: (Nanos, Nanos),
}

/// What a process signal says.
#[derive(Debug)]
pub(crate) struct ProcessSignal {
    pub(crate) state: ProcessState,
    pub(crate) at_ns: Nanos,
    /// The last number used.
    pub(crate) seq: u64,
}
