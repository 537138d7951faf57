//! A step that may not come where it came.

use std::collections::{BTreeSet, VecDeque};

use super::{Scene, Seen};
use crate::finding::{Alert, Finding, FindingKey, Offence, Reason};
use crate::flow::{Automaton, Missing, StateId};
use crate::limits::STEPS_AHEAD_MAX;
use crate::{Nanos, StageId};

/// A step that may not come where it came.
#[derive(Debug)]
pub(super) struct Deviation {
    /// Place of its attempt in the list given.
    pub(super) attempt: usize,
    /// Number of steps before it.
    pub(super) index: usize,
    pub(super) expected: Vec<StageId>,
    pub(super) kind: DeviationKind,
    /// Why it is not held against the order, if it is not.
    pub(super) excuse: Option<Excuse>,
}

#[derive(Debug)]
pub(super) enum DeviationKind {
    /// No missing step explains it.
    Extra,
    /// These steps are missing before it, each of one of these stages.
    Missing(Vec<Vec<StageId>>),
    /// Steps that belong before it come later.
    Swapped(Vec<StageId>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Excuse {
    /// Steps that lead to it may still be on their way, until this moment; `None` while nobody sees.
    Grace(Option<Nanos>),
    /// The missing steps belong to a process that vanished, or their numbers are missing.
    Unseen,
}

impl Deviation {
    /// What it says about the order.
    pub(super) fn violation(&self, scene: &Scene<'_>, order_id: &str, attempts: &[Seen<'_>]) -> Finding {
        let attempt = &attempts[self.attempt];
        let name = |stage: &StageId| &*scene.definition.stage(*stage).name;
        let names =
            |stages: &[StageId], between: &str| stages.iter().map(name).collect::<Vec<&str>>().join(between);
        let stage = &attempt.stage;
        let (reason, summary) = match &self.kind {
            DeviationKind::Swapped(later) => {
                (Reason::WrongOrder, format!("{stage} came before {}", names(later, ", ")))
            }
            DeviationKind::Missing(missing) => {
                let steps: Vec<String> = missing.iter().map(|stages| names(stages, " or ")).collect();
                (Reason::MissingStep, format!("{stage} came without {}", steps.join(", ")))
            }
            DeviationKind::Extra => (Reason::WrongOrder, format!("{stage} came where it may not come")),
        };
        let expected = names(&self.expected, ", ");
        Finding {
            key: FindingKey {
                order: order_id.into(),
                stage: (&**stage).into(),
                rule: Some("flow".into()),
                ..FindingKey::new(Alert::OrderViolation)
            },
            cause: format!("{}/{reason}", attempt.id.span_id).into(),
            reason,
            summary: summary.into(),
            waiting_for: None,
            evidence: format!("step {} is {stage}, expected one of: {expected}", self.index).into(),
            trace_id: Some(attempt.id.trace_id),
            since_ns: attempt.first_ns(),
            offence: Some(Offence {
                index: self.index,
                expected: self.expected.iter().map(|stage| name(stage).into()).collect(),
                at_ns: super::order(scene.definition, attempt).0,
            }),
            orders: None,
        }
    }
}

/// Which of the missing steps come later, in the wrong place. None if what comes later is in its own place, as in the
/// next round of a loop: then no more steps fit without it than with it.
pub(super) fn swapped(
    automaton: &mut Automaton,
    missing: &Missing,
    queue: &VecDeque<(usize, StageId)>,
) -> Vec<StageId> {
    let stages: BTreeSet<StageId> = missing.steps.iter().flatten().copied().collect();
    let place = |stage: &StageId| queue.iter().position(|(_, found)| found == stage);
    let later: Vec<(usize, StageId)> =
        stages.iter().filter_map(|stage| Some((place(stage)?, *stage))).collect();
    if later.is_empty() {
        return Vec::new();
    }
    let places: Vec<usize> = later.iter().map(|(place, _)| *place).collect();
    let without = misfits(automaton, missing.after, queue, &places);
    if misfits(automaton, missing.after, queue, &[]) <= without {
        return Vec::new();
    }
    later.into_iter().map(|(_, stage)| stage).collect()
}

/// How many of the next [`STEPS_AHEAD_MAX`] steps do not fit.
fn misfits(
    automaton: &mut Automaton,
    mut state: StateId,
    queue: &VecDeque<(usize, StageId)>,
    left_out: &[usize],
) -> usize {
    let ahead = queue.iter().enumerate().take(STEPS_AHEAD_MAX);
    let taken = ahead.filter(|(place, _)| !left_out.contains(place));
    let mut misfits = 0;
    for (_, (_, stage)) in taken {
        match automaton.step(state, *stage) {
            Some(after) => state = after,
            None => misfits += 1,
        }
    }
    misfits
}
