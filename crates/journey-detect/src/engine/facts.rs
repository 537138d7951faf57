//! What spans say, put where it belongs.

use std::sync::Arc;

use super::Engine;
use crate::attempt::News;
use crate::observation::Numbered;
use crate::{Attempt, AttemptId, Definition, Nanos, Outputs, Refusal};

impl Engine {
    /// An instance showed, and perhaps used up a number.
    pub(super) fn note_instance(&mut self, attempt: &Attempt, numbered: Option<Numbered>) {
        let Attempt { instance, service, .. } = attempt;
        let at_ns = attempt.last_ns();
        let Some(numbered) = numbered else {
            if self.instances.saw(instance, service, at_ns).is_some() {
                self.touched_instances.insert(Arc::clone(instance));
            }
            self.pipeline.note(instance, at_ns, false);
            return;
        };
        let (holes_changed, is_new) = self.instances.number(instance, service, at_ns, numbered);
        let id = if instance.is_empty() { service } else { instance };
        self.touched_instances.insert(Arc::clone(id));
        self.pipeline.note(id, at_ns, is_new);
        if holes_changed {
            self.claims.note_holes(service);
        }
    }

    pub(super) fn take(&mut self, attempt: Attempt) -> Result<(), Refusal> {
        self.counters.stage_signals += 1;
        let id = attempt.id;
        if !self.attempts.contains_key(&id) {
            if let Some(group) = self.plain_for(&attempt) {
                self.take_plain(group, attempt);
                return Ok(());
            }
            self.wake_for(&attempt);
        }
        let Some(known) = self.attempts.get_mut(&id) else {
            if self.identity.is_full_for(&self.definition, &attempt) {
                self.counters.journey_full += 1;
                return Err(Refusal::JourneyFull);
            }
            self.place(id, Arc::new(attempt));
            return Ok(());
        };
        let was_open = known.is_open();
        let news = Arc::make_mut(known).merge(attempt);
        if was_open && !known.is_open() {
            self.trending.note_ended(id);
        }
        match news {
            News::None => self.counters.repeats += 1,
            News::Beat if self.is_quiet_beat(id) => {}
            News::Beat | News::Facts => self.touch(id),
            News::Ties => {
                let attempt = Arc::clone(&self.attempts[&id]);
                self.wake_for(&attempt);
                self.place_again(id, &attempt);
            }
        }
        Ok(())
    }

    /// Notes a beat that changes nothing but how long the journey is known to live, if it is one. Most are; and
    /// deadlines that it moves are met too early once, which does no harm.
    fn is_quiet_beat(&mut self, id: AttemptId) -> bool {
        let mut groups = self.identity.groups_of(id);
        let (Some(group), None) = (groups.next(), groups.next()) else { return false };
        let is_quiet = is_steady(&self.definition, &self.attempts[&id])
            && self.said.get(&group).is_some_and(|said| said.is_quiet && said.rested.is_none());
        if is_quiet {
            self.beats.push((group, id));
        }
        is_quiet
    }

    /// An attempt changed, and stays where it is.
    pub(super) fn touch(&mut self, id: AttemptId) {
        self.touched_attempts.insert(id);
        for group in self.identity.groups_of(id) {
            self.fresh.insert(group);
            self.touched.insert(group);
        }
    }

    /// Puts an attempt that was stored where it belongs.
    pub(super) fn file(&mut self, attempt: Arc<Attempt>) {
        match self.plain_for(&attempt) {
            Some(group) if self.plains.get(&group).is_some_and(|plain| plain.has(attempt.id)) => {
                self.take_plain(group, Arc::unwrap_or_clone(attempt));
            }
            Some(group) => self.add_plain(group, attempt, false),
            None => {
                self.wake_for(&attempt);
                self.place(attempt.id, attempt);
            }
        }
    }

    /// Puts a new attempt where it belongs.
    pub(super) fn place(&mut self, id: AttemptId, attempt: Arc<Attempt>) {
        if !attempt.is_open() {
            self.trending.note_ended(id);
        }
        self.attempts.insert(id, Arc::clone(&attempt));
        self.place_again(id, &attempt);
    }

    /// Puts an attempt where it belongs now.
    pub(super) fn place_again(&mut self, id: AttemptId, attempt: &Attempt) {
        let placed = self.identity.place(&self.definition, attempt);
        self.touched_attempts.insert(id);
        for group in placed.gone {
            self.touched.remove(&group);
            self.fresh.remove(&group);
            self.timers.remove(group);
            self.usual.remove(group);
            self.survival.remove(group);
            self.orphaned_conflicts.extend(self.conflicts.remove(&group).into_iter().flatten());
            let said = self.said.remove(&group).unwrap_or_default();
            self.gone.extend(said.names().cloned());
        }
        self.counters.ties_refused += placed.ties_refused;
        self.fresh.extend(placed.touched.iter().copied());
        self.touched.extend(placed.touched);
        self.touched_attempts.extend(placed.moved);
        if let Some(given_up) = placed.given_up {
            self.give_up(given_up);
        }
    }

    pub(super) fn give_up(&mut self, attempt: AttemptId) {
        self.attempts.remove(&attempt);
        self.trending.forget(attempt);
        self.touched_attempts.remove(&attempt);
        self.counters.given_up += 1;
    }

    /// Moves the last sign of life of journeys of which nothing came but beats.
    pub(super) fn take_beats(&mut self, now: Nanos, outputs: &mut Outputs) {
        for (group, id) in std::mem::take(&mut self.beats) {
            let plain = self.plains.get_mut(&group).and_then(|plain| plain.find(id));
            if self.touched.contains(&group) || plain.is_none() && !self.identity.is_at_home(id, group) {
                if plain.is_some() {
                    self.touch_plain(group, id);
                } else {
                    self.touch(id);
                }
                continue;
            }
            let attempt = plain.map(|known| &known.attempt).or_else(|| self.attempts.get(&id));
            let (Some(said), Some(attempt)) = (self.said.get_mut(&group), attempt) else { continue };
            said.heard_ns = now;
            let [row] = &mut said.rows[..] else { continue };
            let names = [Arc::clone(&row.name)].into();
            outputs.attempts.push((Arc::clone(attempt), names));
            if row.span_ns.1 < attempt.last_ns() {
                Arc::make_mut(row).span_ns.1 = attempt.last_ns();
                outputs.journeys.push(Arc::clone(row));
            }
        }
    }
}

/// Whether a beat of this attempt is no news: it is open, and its work moves.
pub(super) fn is_steady(definition: &Definition, attempt: &Attempt) -> bool {
    let within_ns =
        definition.stage_named(&attempt.stage).and_then(|stage| definition.stage(stage).progress_within);
    let stands_still = attempt.idle_ns.zip(within_ns).is_some_and(|(idle_ns, within_ns)| idle_ns > within_ns);
    // Of another attempt the last sign of life tells when others could see it.
    attempt.is_open() && attempt.beat_interval_ns.is_some() && !stands_still
}
