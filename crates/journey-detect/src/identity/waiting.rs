//! Spans that belong to no journey yet, oldest first.

use std::collections::{BTreeMap, VecDeque};

use foldhash::HashMap;

use crate::limits::WAITING_SPANS_MAX;
use crate::{AttemptId, Nanos};

/// The spans that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_turn: BTreeMap<u64, AttemptId>,
    turns: HashMap<AttemptId, u64>,
    next_turn: u64,
    /// All turns below the number had come at the look of that time.
    looks: VecDeque<(u64, Nanos)>,
}

impl Waiting {
    /// Lets one wait. When too many do, the one that waited longest leaves and is named.
    pub(super) fn enter(&mut self, attempt: AttemptId) -> Option<AttemptId> {
        if self.turns.contains_key(&attempt) {
            return None;
        }
        self.turns.insert(attempt, self.next_turn);
        self.by_turn.insert(self.next_turn, attempt);
        self.next_turn += 1;
        if self.by_turn.len() <= WAITING_SPANS_MAX {
            return None;
        }
        let (_, oldest) = self.by_turn.pop_first()?;
        self.turns.remove(&oldest);
        Some(oldest)
    }

    pub(super) fn leave(&mut self, attempt: AttemptId) {
        if let Some(turn) = self.turns.remove(&attempt) {
            self.by_turn.remove(&turn);
        }
    }

    /// Those that have waited for this long at `now`.
    pub(super) fn take_old(&mut self, now: Nanos, ttl_ns: Nanos) -> Vec<AttemptId> {
        let is_noted = self.looks.back().is_some_and(|(turn, _)| *turn == self.next_turn);
        if !is_noted && !self.by_turn.is_empty() {
            self.looks.push_back((self.next_turn, now));
        }
        let mut old = Vec::new();
        while let Some((turn, at)) = self.looks.front().copied()
            && (at.saturating_add(ttl_ns) <= now || self.by_turn.is_empty())
        {
            self.looks.pop_front();
            while let Some(entry) = self.by_turn.first_entry().filter(|entry| *entry.key() < turn) {
                old.push(entry.remove());
            }
        }
        for attempt in &old {
            self.turns.remove(attempt);
        }
        // What is left of many looks that nobody waited for.
        if let Some((first, _)) = self.by_turn.first_key_value() {
            while self.looks.front().is_some_and(|(turn, _)| turn <= first) {
                self.looks.pop_front();
            }
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use journey_model::{SpanId, TraceId};

    use super::*;

    fn attempt(n: u64) -> AttemptId {
        AttemptId {
            trace_id: TraceId::from_bytes(u128::from(n + 1).to_be_bytes()).unwrap(),
            span_id: SpanId::from_bytes((n + 1).to_be_bytes()).unwrap(),
        }
    }

    /// Scenario: one more waits than may, and time passes.
    /// Guarantees: the oldest leaves; those that waited too long leave, each once.
    #[test]
    fn the_oldest_leaves_first() {
        let mut waiting = Waiting::default();
        let full = WAITING_SPANS_MAX as u64;
        assert!((0..full).all(|n| waiting.enter(attempt(n)).is_none()));
        assert_eq!(waiting.enter(attempt(full)), Some(attempt(0)));
        assert_eq!(waiting.take_old(10, 5), []);
        waiting.leave(attempt(1));
        waiting.enter(attempt(0));
        assert_eq!(waiting.take_old(14, 5), []);
        assert_eq!(waiting.take_old(15, 5).len() as u64, full - 1);
        assert_eq!(waiting.take_old(19, 5), [attempt(0)]);
        assert_eq!(waiting.take_old(1_000, 5), []);
    }
}
