//! Steps of one very moment.

use std::collections::VecDeque;

use super::course::{Course, Step};
use super::{Scene, Seen};
use crate::StageId;
use crate::flow::Automaton;

impl Course {
    /// Takes of the next steps, if they are of one very moment, as many as fit in some order: nobody can say which came
    /// first, not even by a clock of one host that counts days. Returns how many of that moment are left over.
    pub(super) fn take_ties(
        &mut self,
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        attempts: &[Seen<'_>],
        queue: &mut VecDeque<(usize, StageId)>,
    ) -> usize {
        let moment = |at: usize| super::order(scene.definition, &attempts[at]).0;
        let Some(first) = queue.front().map(|(at, _)| moment(*at)) else { return 0 };
        let tied = queue.iter().take_while(|(at, _)| moment(*at) == first).count();
        if tied < 2 {
            return tied;
        }
        let group: Vec<(usize, StageId)> = queue.range(..tied).copied().collect();
        let stages: Vec<StageId> = group.iter().map(|(_, stage)| *stage).collect();
        let (order, after) = automaton.step_in_any_order(self.state, &stages);
        let mut before = self.state;
        for place in &order {
            let (attempt, stage) = group[*place];
            self.steps.push(Step { attempt, stage, before });
            before = automaton.step(before, stage).unwrap_or(before);
        }
        self.state = after;
        queue.drain(..tied);
        let left = group.iter().enumerate().rev().filter(|(place, _)| !order.contains(place));
        left.for_each(|(_, step)| queue.push_front(*step));
        tied - order.len()
    }
}
