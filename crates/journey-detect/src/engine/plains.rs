//! Plain journeys in the engine: most spans belong to one, and their values say to which.
//!
//! When something comes that may tie a plain journey to another one, or that follows it without a key, the journey is
//! handed to [`crate::identity`]; and taken back when nothing like that is left.

use std::sync::Arc;

use super::Engine;
use crate::attempt::News;
use crate::identity::{GroupId, is_reference};
use crate::limits::RESTING_PER_MARK_MAX;
use crate::plain::{Plain, is_fit};
use crate::{Attempt, AttemptId, Nanos, Outputs};

impl Engine {
    /// The plain journey that an attempt belongs to, a new one if nobody knows its values; `None` if more than its values
    /// must be asked.
    pub(super) fn plain_for(&mut self, attempt: &Attempt) -> Option<GroupId> {
        let (holder, in_trace) = self.holder(attempt);
        let may_belong = match holder {
            Some(_) => !is_reference(&self.definition, attempt),
            None => self.plain_attempts_max > 0 && is_fit(&self.definition, attempt),
        };
        if !may_belong || self.identity.knows(&self.definition, attempt) {
            return None;
        }
        let mut found = holder;
        for group in self.shelf.of_values(&self.definition, attempt) {
            if *found.get_or_insert(group) != group {
                return None;
            }
        }
        // A trace of many journeys would lead to all of them.
        let is_crowded = in_trace.len() >= RESTING_PER_MARK_MAX;
        if is_crowded && !found.is_some_and(|group| in_trace.contains(&group)) {
            return None;
        }
        let Some(group) = found else { return Some(self.new_plain()) };
        self.unpack(group);
        let plain = self.plains.get(&group)?;
        let is_its_own = holder.is_some()
            || plain.shares_with(&self.definition, attempt) && plain.len() < self.plain_attempts_max;
        (is_its_own && plain.agrees(&self.definition, attempt)).then_some(group)
    }

    /// The plain journey that has this attempt already, and all that its trace leads to. Those of them that are at rest
    /// wake, so that spans without a key, which follow the trace, show.
    fn holder(&mut self, attempt: &Attempt) -> (Option<GroupId>, Vec<GroupId>) {
        let in_trace: Vec<GroupId> = self.shelf.of_trace(attempt).collect();
        in_trace.iter().for_each(|group| self.unpack(*group));
        let has_it = |group: &&GroupId| self.plains.get(group).is_some_and(|plain| plain.has(attempt.id));
        (in_trace.iter().find(has_it).copied(), in_trace)
    }

    fn new_plain(&mut self) -> GroupId {
        let group = self.identity.new_group();
        self.plains.insert(group, Plain::default());
        group
    }

    /// Takes what a span says about an attempt of a plain journey.
    pub(super) fn take_plain(&mut self, group: GroupId, mut attempt: Attempt) {
        let Some(plain) = self.plains.get_mut(&group) else { return };
        let id = attempt.id;
        let Some(known) = plain.find(id) else {
            plain.share(&mut attempt);
            self.add_plain(group, Arc::new(attempt), true);
            return;
        };
        let was_open = known.attempt.is_open();
        let news = plain.merge(&self.definition, attempt);
        let Some(known) = plain.find(id) else { return };
        if was_open && !known.attempt.is_open() {
            self.trending.note_ended(id);
        }
        let is_quiet = || self.said.get(&group).is_some_and(|said| said.is_quiet && said.rested.is_none());
        match news {
            News::None => self.counters.repeats += 1,
            News::Beat if super::facts::is_steady(&self.definition, &known.attempt) && is_quiet() => {
                self.beats.push((group, id));
            }
            News::Beat | News::Facts => self.touch_plain(group, id),
            News::Ties => {
                self.shelf.mark(&self.definition, &known.attempt, group);
                self.touch_plain(group, id);
            }
        }
    }

    /// Adds an attempt to a plain journey. `is_news` if a span just told of it.
    pub(super) fn add_plain(&mut self, group: GroupId, attempt: Arc<Attempt>, is_news: bool) {
        let Some(plain) = self.plains.get_mut(&group) else { return };
        if !attempt.is_open() {
            self.trending.note_ended(attempt.id);
        }
        self.shelf.mark(&self.definition, &attempt, group);
        plain.add(&self.definition, attempt, is_news);
        self.touched.insert(group);
        if is_news {
            self.fresh.insert(group);
        }
    }

    /// An attempt of a plain journey changed.
    pub(super) fn touch_plain(&mut self, group: GroupId, id: AttemptId) {
        if let Some(known) = self.plains.get_mut(&group).and_then(|plain| plain.find(id)) {
            known.is_touched = true;
        }
        self.touched.insert(group);
        self.fresh.insert(group);
    }

    /// Hands a plain journey to what tells apart those that share something.
    pub(super) fn hand_over(&mut self, group: GroupId) {
        let Some(mut plain) = self.plains.remove(&group) else { return };
        for known in plain.attempts_mut() {
            self.shelf.unmark(&self.definition, &known.attempt, group);
            if known.is_touched {
                self.touched_attempts.insert(known.attempt.id);
            }
        }
        let attempts: Vec<Arc<Attempt>> = plain.attempts().cloned().collect();
        self.adopt(group, &attempts);
    }

    /// Lets identity take over a journey, under its number. None of its values or traces is known there, so no other journey
    /// changes.
    pub(super) fn adopt(&mut self, group: GroupId, attempts: &[Arc<Attempt>]) {
        self.identity.adopt(&self.definition, group, attempts.iter().map(|attempt| &**attempt));
        for attempt in attempts {
            self.attempts.insert(attempt.id, Arc::clone(attempt));
            let placed = self.identity.place(&self.definition, attempt);
            placed.given_up.into_iter().for_each(|given_up| self.give_up(given_up));
        }
    }

    /// Takes a journey back that shares nothing with others any more, after everything about it was told.
    pub(super) fn take_back(&mut self, group: GroupId) {
        if self.conflicts.contains_key(&group)
            || self.identity.attempts_in(group) > self.plain_attempts_max
            || self.identity.at_home(group).any(|id| is_reference(&self.definition, &self.attempts[&id]))
        {
            return;
        }
        let Some(ids) = self.identity.alone(group) else { return };
        let attempts = ids.iter().filter_map(|id| self.attempts.get(id)).cloned();
        let Some(plain) = Plain::of(&self.definition, attempts) else { return };
        let all: Vec<&Attempt> = plain.attempts().map(|attempt| &**attempt).collect();
        if !self.shelf.has_room_for(&self.definition, &all) {
            return;
        }
        let forgotten = self.identity.forget(group);
        debug_assert_eq!(forgotten.len(), ids.len(), "it shares nothing with others");
        for id in ids {
            self.attempts.remove(&id);
        }
        for attempt in plain.attempts() {
            self.shelf.mark(&self.definition, attempt, group);
        }
        self.plains.insert(group, plain);
    }

    /// Reports attempts of a plain journey that changed, or all of them if it has another name now.
    pub(super) fn report_plain(&mut self, group: GroupId, is_renamed: bool, outputs: &mut Outputs) {
        let Some(plain) = self.plains.get_mut(&group) else { return };
        let names = [Arc::clone(plain.name())].into();
        for known in plain.attempts_mut() {
            let is_touched = std::mem::take(&mut known.is_touched);
            let is_news = is_touched || is_renamed && self.stored.get(&known.attempt.id) != Some(&names);
            if is_news {
                outputs.attempts.push((Arc::clone(&known.attempt), Arc::clone(&names)));
            }
        }
    }

    /// Forgets a plain journey.
    pub(super) fn forget_plain(&mut self, group: GroupId) {
        let Some(plain) = self.plains.remove(&group) else { return };
        for attempt in plain.attempts() {
            self.shelf.unmark(&self.definition, attempt, group);
            self.trending.forget(attempt.id);
        }
    }

    /// When the attempts of a plain journey changed: the least end of those that did.
    pub(super) fn changed_ns(plain: &mut Plain) -> Option<Nanos> {
        let changed = plain.attempts_mut().iter().filter(|known| known.is_touched);
        changed.filter_map(|known| known.attempt.end_ns).min()
    }
}
