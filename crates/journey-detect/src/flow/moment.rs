//! Stages of one moment: nobody can say which came first, so they fit if they fit in any order.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::{Automaton, StateId};
use crate::StageId;
use crate::limits::{STATES_MAX, TIED_SETS_MAX};

/// What was found for stages of one moment, by the state before and the stages, sorted. At most [`STATES_MAX`]; when
/// full, it starts anew.
pub(super) type Moments = HashMap<(StateId, Box<[StageId]>), InAnyOrder>;

/// As many stages as fit, in an order that fits.
#[derive(Debug, Clone)]
pub(super) struct InAnyOrder {
    order: Box<[StageId]>,
    after: StateId,
}

/// How many were taken of each stage, and where that led.
type Node = (Vec<usize>, StateId);

impl Automaton {
    /// Takes as many of these stages as fit in some order: places in the list, in the least such order, and the state
    /// after any order of the same stages. Equal stages are taken in the order of the list.
    ///
    /// Where that needs more than [`TIED_SETS_MAX`] sets of stages to be looked at, the state is that after one order.
    pub(crate) fn step_in_any_order(&mut self, from: StateId, stages: &[StageId]) -> (Vec<usize>, StateId) {
        let mut sorted: Box<[StageId]> = stages.into();
        sorted.sort_unstable();
        let key = (from, sorted);
        let found = match self.moments.get(&key) {
            Some(known) => known.clone(),
            None => {
                let found = self.try_in_any_order(from, &key.1);
                if self.moments.len() >= STATES_MAX {
                    self.moments.clear();
                }
                self.moments.insert(key, found.clone());
                found
            }
        };
        let mut left: Vec<usize> = (0..stages.len()).collect();
        let mut take = |stage: &StageId| {
            let at = left.iter().position(|place| stages[*place] == *stage);
            left.remove(at.expect("no more is taken of a stage than there is"))
        };
        (found.order.iter().map(&mut take).collect(), found.after)
    }

    fn try_in_any_order(&mut self, from: StateId, sorted: &[StageId]) -> InAnyOrder {
        let mut counts: Vec<(StageId, usize)> = Vec::new();
        for stage in sorted {
            match counts.last_mut() {
                Some((last, count)) if last == stage => *count += 1,
                _ => counts.push((*stage, 1)),
            }
        }
        self.in_all_orders(from, &counts).unwrap_or_else(|| self.in_one_order(from, &counts))
    }

    /// One level for each number of steps taken. `None` if that is too much.
    fn in_all_orders(&mut self, from: StateId, counts: &[(StageId, usize)]) -> Option<InAnyOrder> {
        let mut level: BTreeMap<Node, Vec<StageId>> =
            BTreeMap::from([((vec![0; counts.len()], from), Vec::new())]);
        let mut looked_at = 0;
        loop {
            let mut next: BTreeMap<Node, Vec<StageId>> = BTreeMap::new();
            for (node, order) in &level {
                for (stage, after) in self.steps_from(node, counts) {
                    let order: Vec<StageId> = order.iter().copied().chain([stage]).collect();
                    // The least, so that it does not depend on which states were met before.
                    let known = next.entry(after).or_insert_with(|| order.clone());
                    *known = order.min(std::mem::take(known));
                }
            }
            if next.is_empty() {
                break;
            }
            looked_at += next.len();
            if looked_at > TIED_SETS_MAX {
                return None;
            }
            level = next;
        }
        let ((taken, _), order) = level.iter().min_by_key(|(_, order)| *order)?;
        let of_same = level.keys().filter(|(other, _)| other == taken);
        let after: BTreeSet<StateId> = of_same.map(|(_, state)| *state).collect();
        Some(InAnyOrder { order: order.as_slice().into(), after: self.unite(&after) })
    }

    /// Goes as deep as it can, and back where it cannot go on.
    fn in_one_order(&mut self, from: StateId, counts: &[(StageId, usize)]) -> InAnyOrder {
        let all: usize = counts.iter().map(|(_, count)| count).sum();
        let start: Node = (vec![0; counts.len()], from);
        let mut seen = BTreeSet::from([start.clone()]);
        let mut best = InAnyOrder { order: Box::default(), after: from };
        let mut order: Vec<StageId> = Vec::new();
        let mut open = vec![self.steps_from(&start, counts).into_iter()];
        while let Some(branches) = open.last_mut() {
            let Some((stage, node)) = branches.next() else {
                open.pop();
                order.pop();
                continue;
            };
            if !seen.insert(node.clone()) {
                continue;
            }
            order.push(stage);
            if order.len() > best.order.len() {
                best = InAnyOrder { order: order.as_slice().into(), after: node.1 };
            }
            if best.order.len() == all || seen.len() > TIED_SETS_MAX {
                break;
            }
            open.push(self.steps_from(&node, counts).into_iter());
        }
        best
    }

    fn steps_from(&mut self, (taken, state): &Node, counts: &[(StageId, usize)]) -> Vec<(StageId, Node)> {
        let left = counts.iter().enumerate().filter(|(at, (_, count))| taken[*at] < *count);
        left.filter_map(|(at, (stage, _))| {
            let after = self.step(*state, *stage)?;
            let mut taken = taken.clone();
            taken[at] += 1;
            Some((*stage, (taken, after)))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::flow::{Net, Tree};

    const A: StageId = StageId(0);
    const B: StageId = StageId(1);
    const C: StageId = StageId(2);

    fn stages(list: &[StageId]) -> Vec<Tree> {
        list.iter().copied().map(Tree::Stage).collect()
    }

    fn compile(tree: &Tree) -> Automaton {
        Automaton::new(Arc::new(Net::compile(tree, &|_| false).unwrap()))
    }

    /// Scenario: three steps of one moment, where any order, one order, several orders or none fits.
    /// Guarantees: an order that fits, and a state that remembers each of them; as many as fit where not all do.
    #[test]
    fn steps_of_one_moment_come_in_any_order_that_fits() {
        let mut sequence = compile(&Tree::Sequence(stages(&[A, B, C])));
        let (order, after) = sequence.step_in_any_order(sequence.initial(), &[C, A, B]);
        assert_eq!(order, [1, 2, 0]);
        assert!(sequence.may_end(after));
        let (order, after) = sequence.step_in_any_order(sequence.initial(), &[C, A]);
        assert_eq!((order, sequence.expected(after)), (vec![1], &[B][..]));
        assert!(sequence.step_in_any_order(sequence.initial(), &[C]).0.is_empty());
        let both = Tree::Choice(vec![
            Tree::Sequence(stages(&[A, B, C])),
            Tree::Sequence(vec![Tree::Stage(B), Tree::Stage(A)]),
        ]);
        let mut both = compile(&both);
        let (_, after) = both.step_in_any_order(both.initial(), &[A, B]);
        assert!(both.may_end(after), "B came first");
        assert!(both.step(after, C).is_some(), "A came first");
    }

    /// Scenario: a clock that counts days: many steps of one moment, repeated ones, and more sets of them than are tried.
    /// Guarantees: all of them are taken.
    #[test]
    fn a_day_of_steps() {
        let redo = Tree::Loop { body: Box::new(Tree::Stage(A)), redo: Box::new(Tree::Stage(B)) };
        let mut day = compile(&Tree::Parallel(vec![redo, Tree::Stage(C)]));
        let steps: Vec<StageId> = [A, B].repeat(12).into_iter().chain([C, A]).collect();
        let (order, after) = day.step_in_any_order(day.initial(), &steps);
        assert_eq!(order.len(), steps.len());
        assert!(day.may_end(after));
        let many: Vec<StageId> = (0..20).map(StageId).collect();
        let pairs = many.chunks(2).map(|pair| Tree::Sequence(stages(pair))).collect();
        let mut any = compile(&Tree::Parallel(pairs));
        let backwards: Vec<StageId> = many.into_iter().rev().collect();
        let (order, after) = any.step_in_any_order(any.initial(), &backwards);
        assert_eq!(order.len(), 20);
        assert!(any.may_end(after));
    }
}
