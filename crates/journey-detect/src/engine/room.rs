//! Journeys that leave memory: nothing happened to them for long, or it is full.

use std::sync::Arc;

use super::Engine;
use crate::identity::{GroupId, Part};
use crate::limits::JOURNEYS_MAX;
use crate::{Nanos, Outputs};

impl Engine {
    /// Whether nothing happened to the journeys for so long that they leave memory.
    pub(super) fn is_expired(&self, parts: &[Part], heard_ns: Nanos, now: Nanos) -> bool {
        let is_over = |last_ns: Nanos| last_ns.saturating_add(self.definition.expire_after_ns) <= now;
        let attempts = parts.iter().flat_map(|part| &part.attempts);
        let is_known = heard_ns > 0 || !parts.is_empty();
        is_known && is_over(heard_ns) && attempts.map(|id| self.attempts[id].last_ns()).all(is_over)
    }

    pub(super) fn make_room(&mut self, now: Nanos, outputs: &mut Outputs) {
        while self.journeys() > JOURNEYS_MAX {
            let resting = self.shelf.oldest().and_then(|group| self.wake(group));
            let Some(oldest) = resting.or_else(|| self.timers.least_recent()) else { return };
            let rows = self.said.get(&oldest).into_iter().flat_map(|said| &said.rows);
            let names: Vec<Arc<str>> = rows.map(|row| Arc::clone(&row.name)).collect();
            self.counters.evicted += names.len() as u64;
            names.iter().for_each(|name| self.report_findings(name, Vec::new(), now, outputs));
            self.forget(oldest);
        }
    }

    pub(super) fn forget(&mut self, group: GroupId) {
        for id in self.identity.forget(group) {
            self.attempts.remove(&id);
            self.trending.forget(id);
            self.touched_attempts.remove(&id);
        }
        for row in self.said.remove(&group).unwrap_or_default().rows {
            self.forget_claims(&row.name);
        }
        self.usual.remove(group);
        self.survival.remove(group);
        self.conflicts.remove(&group);
        self.timers.remove(group);
        self.touched.remove(&group);
        self.fresh.remove(&group);
    }

    pub(super) fn forget_claims(&mut self, name: &str) {
        self.claims.set(name, Vec::new());
        self.claimants.remove(name);
    }
}
