//! Journeys of which nothing was heard for long are put to rest, and wake when something is.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Engine;
use super::judging::Occasion;
use super::reports::Said;
use crate::identity::GroupId;
use crate::shelf::Rest;
use crate::survival::Lasted;
use crate::{Attempt, Nanos, Sight};

/// The journeys that are held ready, in the order in which they were judged last.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Some of them were judged again since.
    judged: VecDeque<(u64, GroupId)>,
    turn: u64,
}

impl Ready {
    /// Notes that a group was judged. Returns the number of its turn.
    pub(super) fn note(&mut self, group: GroupId) -> u64 {
        self.turn += 1;
        self.judged.push_back((self.turn, group));
        self.turn
    }
}

impl Engine {
    /// Wakes the journeys at rest that an attempt may say something about.
    pub(super) fn wake_for(&mut self, attempt: &Attempt) {
        for group in self.shelf.named_by(&self.definition, attempt) {
            self.wake(group);
        }
    }

    /// Builds a journey at rest anew, as it was. Returns the number that it has now.
    pub(super) fn wake(&mut self, group: GroupId) -> Option<GroupId> {
        let Rest { attempts, due_ns, heard_ns, open } = self.shelf.take(&self.definition, group)?;
        for attempt in &attempts {
            self.attempts.insert(attempt.id, Arc::clone(attempt));
            let placed = self.identity.place(&self.definition, attempt);
            placed.given_up.into_iter().for_each(|given_up| self.give_up(given_up));
        }
        let now_group = self.identity.groups_of(attempts.first()?.id).next()?;
        self.usual.wake(&self.definition, now_group, attempts.iter().map(|attempt| &**attempt));
        let (parts, _) = self.identity.parts(&self.definition, now_group);
        let mut lasted = Lasted::default();
        // What it says is what it said, so long as nothing is due: only then was it put to rest.
        let judged = self.judge(now_group, parts.first()?, 0, &mut lasted, Occasion::Waking);
        self.survival.wake((group, now_group), lasted.over, open);
        self.timers.set(now_group, Some(due_ns), judged.row.span_ns.1.max(heard_ns));
        let turn = self.ready.note(now_group);
        let rows = vec![Arc::new(judged.row)];
        self.said.insert(now_group, Said { rows, heard_ns, is_quiet: true, turn });
        Some(now_group)
    }

    /// Wakes the journeys at rest that are due.
    pub(super) fn wake_due(&mut self, now: Nanos) {
        if self.sight == Sight::Blind {
            return;
        }
        for group in self.shelf.due(now) {
            let woken = self.wake(group);
            self.touched.extend(woken);
        }
    }

    /// Puts the journeys to rest that were judged longest ago, while more are held ready than may be.
    pub(super) fn put_to_rest(&mut self) {
        while self.said.len() > self.ready_max
            && let Some((turn, group)) = self.ready.judged.pop_front()
        {
            if self.said.get(&group).is_some_and(|said| said.turn == turn && said.is_quiet) {
                self.put_one_to_rest(group);
            }
        }
        if self.ready.judged.len() > 2 * self.said.len() + 1_024 {
            let Self { ready, said, .. } = self;
            ready.judged.retain(|(turn, group)| said.get(group).is_some_and(|said| said.turn == *turn));
        }
    }

    fn put_one_to_rest(&mut self, group: GroupId) {
        if self.usual.has_often(group) || self.conflicts.contains_key(&group) {
            return;
        }
        let Some(ids) = self.identity.alone(group) else { return };
        let attempts: Vec<&Attempt> =
            ids.iter().filter_map(|id| self.attempts.get(id)).map(|one| &**one).collect();
        if !self.shelf.has_room_for(&self.definition, &attempts) {
            return;
        }
        let Some(said) = self.said.remove(&group) else { return };
        let forgotten = self.identity.forget(group);
        debug_assert_eq!(forgotten.len(), ids.len(), "it shares nothing with others");
        let attempts = ids.iter().filter_map(|id| self.attempts.remove(id)).collect();
        let due_ns = self.timers.remove(group);
        let rest = Rest {
            attempts,
            // While nobody sees, no deadline is known: it is looked at again as soon as somebody does.
            due_ns: due_ns.filter(|_| self.sight != Sight::Blind).unwrap_or(0),
            heard_ns: said.heard_ns,
            open: self.survival.rest(group),
        };
        self.usual.rest(group);
        self.shelf.put(&self.definition, group, &rest);
    }
}
