//! When to look at a group of journeys again, and which one to let go when memory is full.
//!
//! Deadlines mostly move later. So an entry in a queue may be too early, and only when its turn comes is it put where
//! it belongs now.

use std::collections::BTreeSet;

use foldhash::HashMap;

use crate::Nanos;
use crate::identity::GroupId;

/// When each group is due, and which was touched least recently.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Each entry is at or before the time that counts.
    due: BTreeSet<(Nanos, GroupId)>,
    recent: BTreeSet<(Nanos, GroupId)>,
    of: HashMap<GroupId, Timer>,
}

#[derive(Debug, Default)]
struct Timer {
    due_ns: Option<Nanos>,
    /// Its entry in the queue.
    queued_ns: Option<Nanos>,
    last_ns: Nanos,
    recent_ns: Nanos,
}

impl Timers {
    /// Sets when a group is due next and when it last showed.
    pub(crate) fn set(&mut self, group: GroupId, due_ns: Option<Nanos>, last_ns: Nanos) {
        let timer = self.of.entry(group).or_insert_with(|| {
            self.recent.insert((last_ns, group));
            Timer { recent_ns: last_ns, ..Timer::default() }
        });
        (timer.due_ns, timer.last_ns) = (due_ns, last_ns);
        if last_ns < timer.recent_ns {
            self.recent.remove(&(timer.recent_ns, group));
            self.recent.insert((last_ns, group));
            timer.recent_ns = last_ns;
        }
        let Some(due_ns) = due_ns else { return };
        if timer.queued_ns.is_some_and(|queued_ns| queued_ns <= due_ns) {
            return;
        }
        if let Some(queued_ns) = timer.queued_ns.replace(due_ns) {
            self.due.remove(&(queued_ns, group));
        }
        self.due.insert((due_ns, group));
    }

    /// Forgets a group. Returns when it was due.
    pub(crate) fn remove(&mut self, group: GroupId) -> Option<Nanos> {
        let timer = self.of.remove(&group)?;
        if let Some(queued_ns) = timer.queued_ns {
            self.due.remove(&(queued_ns, group));
        }
        self.recent.remove(&(timer.recent_ns, group));
        timer.due_ns
    }

    /// The groups that are due, once each.
    pub(crate) fn take_due(&mut self, now: Nanos) -> Vec<GroupId> {
        let mut groups = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            let Some((_, group)) = self.due.pop_first() else { break };
            if let Some(timer) = self.of.get_mut(&group) {
                (timer.queued_ns, timer.due_ns) = (None, None);
            }
            groups.push(group);
        }
        groups
    }

    /// When the next group is due.
    pub(crate) fn next(&mut self) -> Option<Nanos> {
        while let Some((at, group)) = self.due.first().copied() {
            let timer = self.of.get_mut(&group);
            if timer.as_ref().is_some_and(|timer| timer.due_ns == Some(at)) {
                return Some(at);
            }
            self.due.pop_first();
            if let Some(timer) = timer {
                timer.queued_ns = timer.due_ns;
                self.due.extend(timer.due_ns.map(|due_ns| (due_ns, group)));
            }
        }
        None
    }

    /// The group that was silent longest.
    pub(crate) fn least_recent(&mut self) -> Option<GroupId> {
        while let Some((at, group)) = self.recent.first().copied() {
            let timer = self.of.get_mut(&group)?;
            if timer.last_ns == at {
                return Some(group);
            }
            self.recent.pop_first();
            timer.recent_ns = timer.last_ns;
            self.recent.insert((timer.last_ns, group));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: deadlines move later, earlier and away; groups show again and are forgotten.
    /// Guarantees: each is due when it was set last, once; the group that was silent longest is known.
    #[test]
    fn a_deadline_is_the_one_set_last() {
        let mut timers = Timers::default();
        let group = GroupId::from_number;
        for (n, due_ns) in
            [(1, Some(10)), (2, Some(20)), (3, Some(30)), (1, Some(25)), (2, Some(5)), (3, None)]
        {
            timers.set(group(n), due_ns, n);
        }
        assert_eq!(timers.next(), Some(5));
        assert_eq!(timers.take_due(24), [group(2)]);
        assert_eq!(timers.next(), Some(25));
        assert_eq!(timers.take_due(100), [group(1)]);
        assert_eq!((timers.next(), timers.take_due(100)), (None, vec![]));
        timers.set(group(1), Some(200), 50);
        assert_eq!(timers.least_recent(), Some(group(2)));
        timers.remove(group(2));
        assert_eq!(timers.least_recent(), Some(group(3)));
        for n in 1..4 {
            timers.remove(group(n));
        }
        assert!(timers.due.is_empty() && timers.recent.is_empty() && timers.of.is_empty());
    }
}
