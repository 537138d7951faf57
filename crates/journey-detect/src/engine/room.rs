//! Journeys that leave memory: nothing happened to them for long, or it is full.

use std::sync::Arc;

use super::Engine;
use super::judging::Judged;
use super::reports::Said;
use crate::identity::GroupId;
use crate::limits::JOURNEYS_MAX;
use crate::{Nanos, Outputs};

impl Engine {
    /// Whether nothing happened to the journeys for so long that they leave memory.
    pub(super) fn is_expired(&self, judged: &[Judged], heard_ns: Nanos, now: Nanos) -> bool {
        let is_over = |last_ns: Nanos| last_ns.saturating_add(self.definition.expire_after_ns) <= now;
        let is_known = heard_ns > 0 || !judged.is_empty();
        is_known && is_over(heard_ns) && judged.iter().all(|judged| is_over(judged.row.span_ns.1))
    }

    pub(super) fn make_room(&mut self, now: Nanos, outputs: &mut Outputs) {
        while self.journeys() > JOURNEYS_MAX {
            let resting = self.shelf.oldest();
            resting.into_iter().for_each(|group| self.unpack(group));
            let Some(oldest) = resting.or_else(|| self.timers.least_recent()) else { return };
            let names: Vec<Arc<str>> =
                self.said.get(&oldest).into_iter().flat_map(Said::names).cloned().collect();
            self.counters.evicted += names.len() as u64;
            names.iter().for_each(|name| self.report_findings(name, Vec::new(), now, outputs));
            self.forget(oldest);
        }
    }

    pub(super) fn forget(&mut self, group: GroupId) {
        self.forget_plain(group);
        for id in self.identity.forget(group) {
            self.attempts.remove(&id);
            self.trending.forget(id);
            self.touched_attempts.remove(&id);
        }
        let said = self.said.remove(&group).unwrap_or_default();
        said.names().for_each(|name| self.forget_claims(name));
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
