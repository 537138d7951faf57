//! The steps that are missing before one that may not come where it came.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::{Automaton, StateId};
use crate::StageId;
use crate::limits::{MISSING_LOST_MAX, MISSING_SETS_MAX};

/// What was found for a step, by the state before it.
pub(super) type Found = HashMap<(StateId, StageId), Option<Missing>>;

/// The fewest steps that explain one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// For each missing step the stages that it can have been, in the order of the definition.
    pub(crate) steps: Vec<Vec<StageId>>,
    /// Where the journey stands after them and the step itself, whichever they were.
    pub(crate) after: StateId,
}

impl Automaton {
    /// The fewest steps that are missing before `stage`, at most [`MISSING_LOST_MAX`]. `None` if there are none, or if
    /// that needs more than [`MISSING_SETS_MAX`] states to be looked at.
    pub(crate) fn missing_before(&mut self, from: StateId, stage: StageId) -> Option<Missing> {
        if let Some(known) = self.missing.get(&(from, stage)) {
            return known.clone();
        }
        let found = self.seek(from, stage);
        self.missing.insert((from, stage), found.clone());
        found
    }

    fn seek(&mut self, from: StateId, stage: StageId) -> Option<Missing> {
        let mut seen = BTreeSet::from([from]);
        let mut level = BTreeSet::from([from]);
        // For each level the ways that led to its states.
        let mut ways: Vec<BTreeMap<StateId, Vec<(StateId, StageId)>>> = Vec::new();
        loop {
            let ends: BTreeMap<StateId, StateId> =
                level.iter().filter_map(|state| Some((*state, self.step(*state, stage)?))).collect();
            if !ends.is_empty() {
                let after = self.unite(&ends.values().copied().collect());
                return Some(Missing { steps: steps_to(ends.into_keys().collect(), &ways), after });
            }
            if ways.len() == MISSING_LOST_MAX {
                return None;
            }
            let mut next: BTreeMap<StateId, Vec<(StateId, StageId)>> = BTreeMap::new();
            for state in &level {
                let expected = self.expected(*state).to_vec();
                for step in expected {
                    let after = self.step(*state, step)?;
                    if !seen.contains(&after) {
                        next.entry(after).or_default().push((*state, step));
                    }
                }
            }
            level = next.keys().copied().collect();
            seen.extend(&level);
            if level.is_empty() || seen.len() > MISSING_SETS_MAX {
                return None;
            }
            ways.push(next);
        }
    }
}

/// The stages by which these states were reached, one list for each step.
fn steps_to(
    mut states: BTreeSet<StateId>,
    ways: &[BTreeMap<StateId, Vec<(StateId, StageId)>>],
) -> Vec<Vec<StageId>> {
    let mut steps = Vec::new();
    for way in ways.iter().rev() {
        let edges: Vec<(StateId, StageId)> = states.iter().flat_map(|state| &way[state]).copied().collect();
        let stages: BTreeSet<StageId> = edges.iter().map(|(_, stage)| *stage).collect();
        steps.push(stages.into_iter().collect());
        states = edges.into_iter().map(|(from, _)| from).collect();
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::flow::{Net, Tree};

    /// Scenario: steps that lack nothing, one of two, two of a parallel part, many, and what no way leads to.
    /// Guarantees: the fewest steps, each with all that it can have been, and where each of them leads.
    #[test]
    fn fewest_steps() {
        let stage = |n: u16| Tree::Stage(StageId(n));
        let chain = Tree::Sequence((10..20).map(stage).collect());
        let tree = Tree::Sequence(vec![
            stage(0),
            Tree::Choice(vec![
                Tree::Sequence(vec![stage(1), stage(5), stage(6)]),
                Tree::Sequence(vec![stage(2), stage(5), stage(7)]),
            ]),
            Tree::Parallel(vec![stage(3), stage(4)]),
            chain,
        ]);
        let mut automaton = Automaton::new(Arc::new(Net::compile(&tree, &|_| false).unwrap()));
        let start = automaton.initial();
        let after = automaton.step(start, StageId(0)).unwrap();
        assert_eq!(automaton.missing_before(start, StageId(0)).unwrap().steps, Vec::<Vec<StageId>>::new());
        let found = automaton.missing_before(after, StageId(5)).unwrap();
        assert_eq!(found.steps, [[StageId(1), StageId(2)]]);
        for next in [6, 7] {
            assert!(automaton.step(found.after, StageId(next)).is_some(), "either branch may go on");
        }
        let found = automaton.missing_before(found.after, StageId(10)).unwrap();
        let [either, both] = [vec![StageId(6), StageId(7)], vec![StageId(3), StageId(4)]];
        assert_eq!(found.steps, [either, both.clone(), both]);
        assert_eq!(automaton.missing_before(after, StageId(19)).unwrap().steps.len(), 14);
        assert_eq!(automaton.missing_before(found.after, StageId(3)), None);
    }
}
