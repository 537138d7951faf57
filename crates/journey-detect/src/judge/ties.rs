//! Steps of one very moment.

use std::collections::{HashSet, VecDeque};

use super::Scene;
use super::course::{Course, Step};
use crate::flow::Automaton;
use crate::limits::TIED_STEPS_MAX;
use crate::{Attempt, StageId};

impl Course {
    /// Takes the next steps if they are of one very moment and fit in some order: nobody can say which came first, not
    /// even by a clock of one host that counts seconds. Returns whether it took any.
    pub(super) fn take_ties(
        &mut self,
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        attempts: &[&Attempt],
        queue: &mut VecDeque<(usize, StageId)>,
        in_flow: &HashSet<StageId>,
    ) -> bool {
        let moment = |at: usize| super::order(scene.definition, attempts[at]).0;
        let Some(first) = queue.front().map(|(at, _)| moment(*at)) else { return false };
        let tied = queue.iter().take_while(|(at, _)| moment(*at) == first).count();
        if !(2..=TIED_STEPS_MAX).contains(&tied) {
            return false;
        }
        let group: Vec<(usize, StageId)> = queue.range(..tied).copied().collect();
        if !group.iter().all(|(_, stage)| in_flow.contains(stage)) {
            return false;
        }
        let stages: Vec<StageId> = group.iter().map(|(_, stage)| *stage).collect();
        let Some((order, after)) = automaton.step_in_any_order(self.state, &stages) else { return false };
        let mut before = self.state;
        for place in order {
            let (attempt, stage) = group[place];
            self.steps.push(Step { attempt, stage, before });
            before = automaton.step(before, stage).unwrap_or(before);
        }
        self.state = after;
        queue.drain(..tied);
        true
    }
}
