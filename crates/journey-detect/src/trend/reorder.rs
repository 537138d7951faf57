//! Samples wait here until those of earlier event time have come.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::sample::Held;
use crate::limits::SAMPLES_WAITING_MAX;
use crate::{AttemptId, Nanos};

/// The samples that wait, by event time.
#[derive(Debug, Clone, Default)]
pub(super) struct Reorder {
    waiting: BTreeMap<(Nanos, AttemptId), Held>,
    at: HashMap<AttemptId, Nanos>,
}

impl Reorder {
    /// Takes a sample, in place of an earlier one of the same attempt. Returns the one replaced.
    pub(super) fn put(&mut self, at_ns: Nanos, id: AttemptId, held: Held) -> Option<Held> {
        let old = self.at.insert(id, at_ns).and_then(|old_ns| self.waiting.remove(&(old_ns, id)));
        self.waiting.insert((at_ns, id), held);
        old
    }

    /// Whether a sample of this attempt waits.
    pub(super) fn holds(&self, id: AttemptId) -> bool {
        self.at.contains_key(&id)
    }

    /// Event time of the earliest sample.
    pub(super) fn first_ns(&self) -> Option<Nanos> {
        self.waiting.first_key_value().map(|((at_ns, _), _)| *at_ns)
    }

    /// The earliest sample that is not after `until_ns`.
    pub(super) fn next(&mut self, until_ns: Nanos) -> Option<(Nanos, Held)> {
        let due = self.waiting.first_entry().filter(|first| first.key().0 <= until_ns)?;
        let ((at_ns, id), held) = due.remove_entry();
        self.at.remove(&id);
        Some((at_ns, held))
    }

    /// Whether there is one more than may wait.
    pub(super) fn is_over_full(&self) -> bool {
        self.waiting.len() > SAMPLES_WAITING_MAX
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
