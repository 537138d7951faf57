//! Journeys of which nothing was heard for long are put to rest, and wake when something is.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Engine;
use super::reports::Said;
use crate::identity::GroupId;
use crate::judge::Seen;
use crate::plain::Plain;
use crate::shelf::Rest;
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
    /// Lets all journeys that an attempt may say something about be told apart by their identity.
    pub(super) fn wake_for(&mut self, attempt: &Attempt) {
        for group in self.shelf.named_by(&self.definition, attempt) {
            self.unpack(group);
            self.hand_over(group);
        }
    }

    /// Builds a journey anew, as it was, if it is at rest.
    pub(super) fn unpack(&mut self, group: GroupId) {
        let Some(Rest { attempts, due_ns, heard_ns, lasted, .. }) = self.shelf.take(group) else { return };
        let plain = Plain::of(&self.definition, attempts.iter().cloned());
        match plain.filter(|plain| plain.len() <= self.plain_attempts_max) {
            Some(plain) => drop(self.plains.insert(group, plain)),
            None => {
                attempts.iter().for_each(|attempt| self.shelf.unmark(&self.definition, attempt, group));
                self.adopt(group, &attempts);
            }
        }
        let seen: Vec<Seen<'_>> = attempts.iter().map(|attempt| self.definition.see(attempt)).collect();
        self.usual.wake(group, &seen);
        self.survival.wake(group, lasted);
        let name = match self.plains.get(&group) {
            Some(plain) => Some(Arc::clone(plain.name())),
            None => self.identity.parts(&self.definition, group).0.first().map(|part| Arc::clone(&part.name)),
        };
        let last_ns = attempts.iter().map(|attempt| attempt.last_ns()).fold(heard_ns, Nanos::max);
        self.timers.set(group, Some(due_ns), last_ns);
        let turn = self.ready.note(group);
        self.said.insert(group, Said { rows: Vec::new(), rested: name, heard_ns, is_quiet: true, turn });
    }

    /// Wakes the journeys at rest that are due. While nobody sees, no deadline passes, but journeys are abandoned.
    pub(super) fn wake_due(&mut self, now: Nanos) {
        for group in self.shelf.due(now) {
            self.unpack(group);
            self.touched.insert(group);
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
        let attempts = match self.plains.remove(&group) {
            Some(plain) => plain.attempts().cloned().collect(),
            None => match self.leave_identity(group) {
                Some(attempts) => attempts,
                None => return,
            },
        };
        let Some(said) = self.said.remove(&group) else { return };
        let rest = Rest {
            attempts,
            due_ns: self.timers.remove(group).unwrap_or(0),
            is_unseen: self.sight == Sight::Blind,
            heard_ns: said.heard_ns,
            lasted: self.survival.rest(group),
        };
        self.usual.rest(group);
        self.shelf.put(group, &rest);
    }

    /// Takes the attempts of a journey out of identity, if it shares nothing with others and may be packed; those with keys
    /// of their own first.
    fn leave_identity(&mut self, group: GroupId) -> Option<Vec<Arc<Attempt>>> {
        let ids = self.identity.alone(group)?;
        let attempts: Vec<&Attempt> =
            ids.iter().filter_map(|id| self.attempts.get(id)).map(|one| &**one).collect();
        if !self.shelf.has_room_for(&self.definition, &attempts) {
            return None;
        }
        attempts.into_iter().for_each(|attempt| self.shelf.mark(&self.definition, attempt, group));
        let forgotten = self.identity.forget(group);
        debug_assert_eq!(forgotten.len(), ids.len(), "it shares nothing with others");
        Some(ids.iter().filter_map(|id| self.attempts.remove(id)).collect())
    }
}
