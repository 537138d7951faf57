//! Service instances: who runs, who stopped, who vanished without a word, and whose numbers are missing.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use journey_model::ProcessState;

use crate::limits::{INSTANCES_MAX, PROCESS_SIGNALS_MISSED_MAX, RUNS_PER_INSTANCE_MAX};
use crate::observation::{Numbered, ProcessSignal};
use crate::{Allowance, Nanos, Sight};

/// One process of a service, from its start to its last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `service.instance.id`.
    pub id: Box<str>,
    /// `service.name`.
    pub service: Box<str>,
    /// Event time of its first signal.
    pub first_ns: Nanos,
    /// Event time of its last signal.
    pub last_ns: Nanos,
    /// Its last process signal: its event time, and the last number of `journey.seq` that it used until then.
    pub said: Option<(Nanos, u64)>,
    /// Whether it said that it stops.
    pub stopped: bool,
    /// Numbers of `journey.seq` that came, as runs without holes, ascending. At most
    /// [`crate::limits::RUNS_PER_INSTANCE_MAX`]; when full, the oldest hole is forgotten.
    pub runs: Vec<Run>,
}

/// Numbers without a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
    /// Event time until which the first number was given at the latest.
    pub first_ns: Nanos,
    /// Event time from which the last number was given at the earliest.
    pub last_ns: Nanos,
}

/// Numbers that were used up and did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    /// Event times between which they were given.
    pub(crate) between_ns: (Nanos, Nanos),
    pub(crate) missing: u64,
    /// Whether later numbers came, or the instance said so; else it may have begun before anybody listened.
    pub(crate) is_proven: bool,
}

impl Instance {
    /// Notes a number. Returns whether it is a new one.
    fn number(&mut self, Numbered { seq, between_ns: (from_ns, to_ns) }: Numbered) -> bool {
        let at = self.runs.partition_point(|run| run.last < seq);
        if self.runs.get(at).is_some_and(|run| run.first <= seq) {
            return false;
        }
        let joins_next = self.runs.get(at).is_some_and(|run| run.first == seq + 1);
        let joins_previous = at > 0 && self.runs[at - 1].last + 1 == seq;
        match (joins_previous, joins_next) {
            (true, true) => {
                let next = self.runs.remove(at);
                let previous = &mut self.runs[at - 1];
                (previous.last, previous.last_ns) = (next.last, next.last_ns);
            }
            (true, false) => (self.runs[at - 1].last, self.runs[at - 1].last_ns) = (seq, from_ns),
            (false, true) => (self.runs[at].first, self.runs[at].first_ns) = (seq, to_ns),
            (false, false) => {
                let run = Run { first: seq, last: seq, first_ns: to_ns, last_ns: from_ns };
                self.runs.insert(at, run);
                if self.runs.len() > RUNS_PER_INSTANCE_MAX {
                    let oldest = self.runs.remove(0);
                    (self.runs[0].first, self.runs[0].first_ns) = (oldest.first, oldest.first_ns);
                }
            }
        }
        true
    }

    /// The numbers that did not come, as far as others show it. Numbers begin at 1.
    pub(crate) fn holes(&self) -> impl Iterator<Item = Hole> {
        let hole = |from: Nanos, to: Nanos, missing, is_proven| Hole {
            between_ns: (from.min(to), from.max(to)),
            missing,
            is_proven,
        };
        let before = self.runs.first().filter(|run| run.first > 1);
        // Without process signals nothing says since when it runs.
        let began_ns = self.said.map_or(0, |_| self.first_ns);
        let before = before.map(|run| hole(began_ns, run.first_ns, run.first - 1, false));
        let inner = self
            .runs
            .windows(2)
            .map(move |pair| hole(pair[0].last_ns, pair[1].first_ns, pair[1].first - pair[0].last - 1, true));
        let known = self.runs.last().map_or((0, self.first_ns), |run| (run.last, run.last_ns));
        let tail = self.said.filter(|(_, seq)| *seq > known.0 && !self.runs.is_empty());
        let tail = tail.map(|(at, seq)| hole(known.1, at, seq - known.0, true));
        before.into_iter().chain(inner).chain(tail)
    }

    /// How many numbers were used and how many of them did not come, from the first that came on.
    pub(crate) fn used_and_lost(&self) -> (u64, u64) {
        let lost = self.holes().filter(|hole| hole.is_proven).map(|hole| hole.missing).sum();
        let came: u64 = self.runs.iter().map(|run| run.last - run.first + 1).sum();
        (came + lost, lost)
    }
}

/// All instances that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    by_id: HashMap<Box<str>, Instance>,
    by_service: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
}

impl Instances {
    /// Notes that an instance showed. A span without an instance id says nothing, except by its number.
    pub(crate) fn saw(&mut self, id: &str, service: &str, at_ns: Nanos) -> Option<&mut Instance> {
        if id.is_empty() {
            return None;
        }
        self.entry(id, service, at_ns)
    }

    /// Notes a number that an instance used up. Returns whether holes may have changed, and whether it is new.
    pub(crate) fn number(
        &mut self,
        id: &str,
        service: &str,
        at_ns: Nanos,
        numbered: Numbered,
    ) -> (bool, bool) {
        // A service that names no instance counts as one, so long as it numbers its signals.
        let id = if id.is_empty() { service } else { id };
        let Some(instance) = self.entry(id, service, at_ns) else { return (false, false) };
        let before = instance.runs.len();
        let known_last = instance.runs.last().map(|run| run.last);
        let is_new = instance.number(numbered);
        let is_next =
            before == instance.runs.len() && known_last.is_some_and(|last| last + 1 == numbered.seq);
        let in_tail = instance.said.is_some_and(|(_, seq)| seq >= numbered.seq);
        (is_new && (!is_next || in_tail), is_new)
    }

    fn entry(&mut self, id: &str, service: &str, at_ns: Nanos) -> Option<&mut Instance> {
        if !self.by_id.contains_key(id) {
            self.make_room();
            self.restore(Instance {
                id: id.into(),
                service: service.into(),
                first_ns: at_ns,
                last_ns: at_ns,
                said: None,
                stopped: false,
                runs: Vec::new(),
            });
        }
        let instance = self.by_id.get_mut(id)?;
        instance.first_ns = instance.first_ns.min(at_ns);
        instance.last_ns = instance.last_ns.max(at_ns);
        Some(instance)
    }

    pub(crate) fn signal(&mut self, id: &str, service: &str, signal: &ProcessSignal) {
        if let Some(instance) = self.saw(id, service, signal.at_ns) {
            instance.said = instance.said.max(Some((signal.at_ns, signal.seq)));
            instance.stopped |= signal.state == ProcessState::Stopping;
        }
    }

    pub(crate) fn restore(&mut self, instance: Instance) {
        self.by_service.entry(instance.service.clone()).or_default().insert(instance.id.clone());
        self.by_id.insert(instance.id.clone(), instance);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Instance> {
        self.by_id.get(id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Instance> {
        self.by_id.values()
    }

    pub(crate) fn of(&self, service: &str) -> impl Iterator<Item = &Instance> {
        self.by_service.get(service).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// Whether an instance of the service ended between the two moments without its last word. One that never sent a
    /// process signal owes none.
    pub(crate) fn one_vanished(
        &self,
        service: &str,
        between: (Nanos, Nanos),
        interval_ns: Nanos,
        sight: Sight,
        now: Nanos,
    ) -> bool {
        let patience = Allowance::Elapsed(interval_ns.saturating_mul(PROCESS_SIGNALS_MISSED_MAX));
        self.of(service).any(|instance| {
            let is_silent =
                sight.deadline(instance.last_ns, patience).is_some_and(|deadline| deadline <= now);
            // What it did after its last signal was not seen, up to one interval.
            let ended = (instance.last_ns, instance.last_ns.saturating_add(interval_ns));
            instance.said.is_some()
                && !instance.stopped
                && is_silent
                && ended.0 <= between.1
                && ended.1 >= between.0
        })
    }

    fn make_room(&mut self) {
        if self.by_id.len() < INSTANCES_MAX {
            return;
        }
        let silent = self.by_id.values().min_by_key(|instance| (instance.last_ns, &instance.id));
        let Some(id) = silent.map(|instance| instance.id.clone()) else { return };
        let Some(gone) = self.by_id.remove(&id) else { return };
        if let Some(ids) = self.by_service.get_mut(&gone.service) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_service.remove(&gone.service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(numbers: &[u64]) -> Instance {
        let mut instances = Instances::default();
        for seq in numbers {
            instances.number("i", "s", *seq, Numbered { seq: *seq, between_ns: (*seq, *seq) });
        }
        instances.get("i").unwrap().clone()
    }

    /// Scenario: numbers come in any order, some twice, some never.
    /// Guarantees: the same runs, and the holes between them with their times.
    #[test]
    fn holes_do_not_depend_on_the_order() {
        let instance = came(&[2, 3, 7, 4, 9, 8, 3]);
        assert_eq!(instance.runs, came(&[9, 8, 7, 4, 3, 2]).runs);
        let holes: Vec<_> =
            instance.holes().map(|hole| (hole.between_ns, hole.missing, hole.is_proven)).collect();
        assert_eq!(holes, [((0, 2), 1, false), ((4, 7), 2, true)]);
        assert_eq!(instance.used_and_lost(), (8, 2));
        assert_eq!(came(&[3, 1, 2]).holes().count(), 0);
    }

    /// Scenario: more holes than are remembered, and more instances.
    /// Guarantees: the oldest hole is forgotten; so is the instance that was silent longest.
    #[test]
    fn bounds() {
        let odd: Vec<u64> = (0..=RUNS_PER_INSTANCE_MAX as u64).map(|n| 2 * n + 1).collect();
        let instance = came(&odd);
        assert_eq!(instance.runs.len(), RUNS_PER_INSTANCE_MAX);
        assert_eq!(instance.holes().next().map(|hole| hole.between_ns), Some((3, 5)));
        let mut instances = Instances::default();
        for n in 0..=INSTANCES_MAX as u64 {
            instances.saw(&format!("i{n}"), "s", n + 1);
        }
        assert_eq!((instances.all().count(), instances.get("i0")), (INSTANCES_MAX, None));
        assert_eq!(instances.of("s").count(), INSTANCES_MAX);
    }
}
