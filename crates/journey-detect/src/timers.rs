//! When to look at a group of journeys again, and which one to let go when memory is full.

use std::collections::{BTreeSet, HashMap};

use crate::Nanos;
use crate::identity::GroupId;

/// When each group is due, and which was touched least recently.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Nanos, GroupId)>,
    recent: BTreeSet<(Nanos, GroupId)>,
    of: HashMap<GroupId, (Option<Nanos>, Nanos)>,
}

impl Timers {
    /// Sets when a group is due next and when it last showed.
    pub(crate) fn set(&mut self, group: GroupId, due_ns: Option<Nanos>, last_ns: Nanos) {
        self.remove(group);
        self.due.extend(due_ns.map(|at| (at, group)));
        self.recent.insert((last_ns, group));
        self.of.insert(group, (due_ns, last_ns));
    }

    /// Forgets a group.
    pub(crate) fn remove(&mut self, group: GroupId) {
        if let Some((due_ns, last_ns)) = self.of.remove(&group) {
            if let Some(at) = due_ns {
                self.due.remove(&(at, group));
            }
            self.recent.remove(&(last_ns, group));
        }
    }

    /// The groups that are due, once each.
    pub(crate) fn take_due(&mut self, now: Nanos) -> Vec<GroupId> {
        let mut groups = Vec::new();
        while let Some((at, group)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            groups.push(group);
        }
        groups
    }

    /// When the next group is due.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The group that was silent longest.
    pub(crate) fn least_recent(&self) -> Option<GroupId> {
        self.recent.first().map(|(_, group)| *group)
    }
}
