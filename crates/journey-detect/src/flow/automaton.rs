//! Sets of markings that a prefix of steps can have reached, determinised as they are needed.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::missing::Found;
use super::moment::Moments;
use super::net::{Marking, Net};
use crate::StageId;
use crate::limits::{MARKINGS_MAX, STATES_MAX};

/// A state set of the automaton; valid until [`Automaton::trim`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StateId(u32);

/// The net, determinised as far as it was walked.
#[derive(Debug)]
pub(crate) struct Automaton {
    net: Arc<Net>,
    states: Vec<State>,
    ids: HashMap<Arc<[Marking]>, StateId>,
    initial: StateId,
    /// Where a journey begins whose first steps were not seen, once somebody asked.
    everywhere: Option<StateId>,
    /// Whether a journey can end from a state without a stage.
    avoidable: HashMap<(StateId, StageId), bool>,
    /// Stages of one moment.
    pub(super) moments: Moments,
    /// Steps that are missing before others.
    pub(super) missing: Found,
}

#[derive(Debug)]
struct State {
    markings: Arc<[Marking]>,
    /// Stages that may come next, sorted.
    expected: Box<[StageId]>,
    /// The state after each of them. `None`: not walked yet.
    next: Box<[Option<StateId>]>,
    may_end: bool,
}

impl Automaton {
    /// An automaton at the start of this net.
    pub(crate) fn new(net: Arc<Net>) -> Self {
        let mut automaton = Self {
            net,
            states: Vec::new(),
            ids: HashMap::default(),
            initial: StateId(0),
            everywhere: None,
            avoidable: HashMap::default(),
            moments: Moments::default(),
            missing: Found::default(),
        };
        automaton.initial = automaton.intern_start();
        automaton
    }

    /// Where a journey begins.
    pub(crate) fn initial(&self) -> StateId {
        self.initial
    }

    /// Every marking that a journey can be in: where one begins whose first steps were not seen.
    pub(crate) fn everywhere(&mut self) -> StateId {
        if let Some(known) = self.everywhere {
            return known;
        }
        let mut seen: BTreeSet<Marking> = BTreeSet::from([Marking::from([self.net.first])]);
        let mut open: Vec<Marking> = seen.iter().cloned().collect();
        while let Some(marking) = open.pop() {
            for after in self.net.moves.iter().filter_map(|step| step.fire(&marking)) {
                if seen.len() < MARKINGS_MAX && seen.insert(after.clone()) {
                    open.push(after);
                }
            }
        }
        let everywhere = self.intern(seen);
        self.everywhere = Some(everywhere);
        everywhere
    }

    /// The state after this stage, `None` if the stage may not come here.
    pub(crate) fn step(&mut self, from: StateId, stage: StageId) -> Option<StateId> {
        let place = self.state(from).expected.binary_search(&stage).ok()?;
        if let Some(known) = self.state(from).next[place] {
            return Some(known);
        }
        let markings = Arc::clone(&self.state(from).markings);
        let fired: BTreeSet<Marking> = self
            .net
            .moves
            .iter()
            .filter(|step| step.stage == Some(stage))
            .flat_map(|step| markings.iter().filter_map(|marking| step.fire(marking)))
            .collect();
        let to = self.close_and_intern(fired);
        self.states[from.0 as usize].next[place] = Some(to);
        Some(to)
    }

    /// The stages that may come next, in the order of the definition.
    pub(crate) fn expected(&self, state: StateId) -> &[StageId] {
        &self.state(state).expected
    }

    /// Whether the journey may end here.
    pub(crate) fn may_end(&self, state: StateId) -> bool {
        self.state(state).may_end
    }

    /// Whether a journey can end from here without this stage. Looks at no more than [`STATES_MAX`] states.
    pub(crate) fn can_end_without(&mut self, from: StateId, stage: StageId) -> bool {
        if let Some(known) = self.avoidable.get(&(from, stage)) {
            return *known;
        }
        let mut seen = HashSet::from_iter([from]);
        let mut open = vec![from];
        let mut can_end = false;
        while let Some(state) = open.pop()
            && seen.len() < STATES_MAX
        {
            if self.may_end(state) {
                can_end = true;
                break;
            }
            let others: Vec<StageId> =
                self.expected(state).iter().copied().filter(|other| *other != stage).collect();
            let reached = others.into_iter().filter_map(|other| self.step(state, other));
            open.extend(reached.filter(|state| seen.insert(*state)).collect::<Vec<_>>());
        }
        self.avoidable.insert((from, stage), can_end);
        can_end
    }

    /// Starts anew if the cache has reached its bound. All ids but [`Self::initial`] are void after that.
    pub(crate) fn trim(&mut self) {
        if self.states.len() >= STATES_MAX {
            self.states.clear();
            self.ids.clear();
            self.avoidable.clear();
            self.moments.clear();
            self.missing.clear();
            self.everywhere = None;
            self.initial = self.intern_start();
        }
    }

    /// Whether some state that can be reached holds more markings than [`MARKINGS_MAX`]; looks at no more states
    /// than [`STATES_MAX`].
    pub(crate) fn exceeds_markings(&mut self) -> bool {
        let mut at = 0;
        while at < self.states.len() && self.states.len() < STATES_MAX {
            if self.states[at].markings.len() >= MARKINGS_MAX {
                return true;
            }
            let stages = self.states[at].expected.clone();
            for stage in stages {
                self.step(StateId(at as u32), stage);
            }
            at += 1;
        }
        false
    }

    fn intern_start(&mut self) -> StateId {
        self.close_and_intern(BTreeSet::from([Marking::from([self.net.first])]))
    }

    /// Adds what silent moves reach.
    fn close_and_intern(&mut self, mut markings: BTreeSet<Marking>) -> StateId {
        let mut open: Vec<Marking> = markings.iter().cloned().collect();
        while let Some(marking) = open.pop() {
            for step in self.net.moves.iter().filter(|step| step.stage.is_none()) {
                if let Some(after) = step.fire(&marking)
                    && markings.len() < MARKINGS_MAX
                    && markings.insert(after.clone())
                {
                    open.push(after);
                }
            }
        }
        self.intern(markings)
    }

    /// The state of the markings of all these.
    pub(super) fn unite(&mut self, states: &BTreeSet<StateId>) -> StateId {
        let markings = states.iter().flat_map(|state| self.state(*state).markings.iter().cloned()).collect();
        self.intern(markings)
    }

    fn intern(&mut self, markings: BTreeSet<Marking>) -> StateId {
        let markings: Arc<[Marking]> = markings.into_iter().collect();
        if let Some(known) = self.ids.get(&markings) {
            return *known;
        }
        let id = StateId(u32::try_from(self.states.len()).expect("the cache is trimmed far below this"));
        let moves = self.net.moves.iter();
        let expected: BTreeSet<StageId> = moves
            .filter_map(|step| step.stage.filter(|_| markings.iter().any(|m| step.fire(m).is_some())))
            .collect();
        let may_end = markings.iter().any(|marking| **marking == [self.net.last]);
        let next = vec![None; expected.len()].into();
        let expected = expected.into_iter().collect();
        self.states.push(State { markings: Arc::clone(&markings), expected, next, may_end });
        self.ids.insert(markings, id);
        id
    }

    fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Tree;

    const A: StageId = StageId(0);
    const B: StageId = StageId(1);
    const C: StageId = StageId(2);

    fn accepts(tree: &Tree, steps: &[StageId]) -> Option<bool> {
        let net = Net::compile(tree, &|_| false).unwrap();
        let mut automaton = Automaton::new(Arc::new(net));
        let mut state = automaton.initial();
        for step in steps {
            state = automaton.step(state, *step)?;
        }
        Some(automaton.may_end(state))
    }

    fn stages(list: &[StageId]) -> Vec<Tree> {
        list.iter().copied().map(Tree::Stage).collect()
    }

    /// Scenario: each operator of the tree, with steps that fit, that may go on, and that do not fit.
    /// Guarantees: `Some(true)`, `Some(false)` and `None` in turn.
    #[test]
    fn operators() {
        let sequence = Tree::Sequence(stages(&[A, B]));
        assert_eq!(accepts(&sequence, &[A, B]), Some(true));
        assert_eq!(accepts(&sequence, &[A]), Some(false));
        assert_eq!(accepts(&sequence, &[B]), None);
        let choice = Tree::Choice(stages(&[A, B]));
        assert_eq!(accepts(&choice, &[B]), Some(true));
        assert_eq!(accepts(&choice, &[A, B]), None);
        let parallel = Tree::Parallel(stages(&[A, B, C]));
        for order in [[A, B, C], [C, B, A], [B, C, A]] {
            assert_eq!(accepts(&parallel, &order), Some(true));
        }
        assert_eq!(accepts(&parallel, &[A, A]), None);
        let optional = Tree::Sequence(vec![Tree::Optional(Box::new(Tree::Stage(A))), Tree::Stage(B)]);
        assert_eq!(accepts(&optional, &[B]), Some(true));
        assert_eq!(accepts(&optional, &[A, B]), Some(true));
        let redo = Tree::Loop { body: Box::new(Tree::Stage(A)), redo: Box::new(Tree::Stage(B)) };
        assert_eq!(accepts(&redo, &[A, B, A, B, A]), Some(true));
        assert_eq!(accepts(&redo, &[A, B]), Some(false));
        let repeat = Tree::Loop { body: Box::new(Tree::Sequence(vec![])), redo: Box::new(Tree::Stage(A)) };
        assert_eq!(accepts(&repeat, &[]), Some(true));
        assert_eq!(accepts(&repeat, &[A, A]), Some(true));
    }

    /// Scenario: a journey whose first steps were not seen.
    /// Guarantees: any step of the flow may come first.
    #[test]
    fn everywhere_allows_every_stage() {
        let net = Net::compile(&Tree::Sequence(stages(&[A, B, C])), &|_| false).unwrap();
        let mut automaton = Automaton::new(Arc::new(net));
        let everywhere = automaton.everywhere();
        assert_eq!(automaton.expected(everywhere), [A, B, C]);
        let after_b = automaton.step(everywhere, B).unwrap();
        assert_eq!(automaton.expected(after_b), [C]);
    }
}
