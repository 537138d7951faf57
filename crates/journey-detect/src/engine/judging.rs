//! Journeys that were touched or are due, judged anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Engine;
use crate::identity::{Conflict, GroupId, Part};
use crate::judge::{self, Scene};
use crate::survival::Lasted;
use crate::{Attempt, Finding, JourneyRow, Nanos};

impl Engine {
    pub(super) fn judge_touched(&mut self, now: Nanos, looked: &mut BTreeMap<GroupId, Looked>) {
        let touched = std::mem::take(&mut self.touched);
        let awake = touched.into_iter().map(|group| self.wake(group).unwrap_or(group));
        let mut touched: Vec<GroupId> = awake.collect();
        // One that was due twice woke under another number.
        touched.retain(|group| self.identity.has(*group));
        touched.sort_unstable();
        for group in touched {
            self.judge_group(group, now, looked);
        }
    }

    /// Judges the journeys of a group, and sets in place of what was judged of it before.
    pub(super) fn judge_group(&mut self, group: GroupId, now: Nanos, looked: &mut BTreeMap<GroupId, Looked>) {
        let (parts, conflicts) = self.identity.parts(&self.definition, group);
        let ids = parts.iter().flat_map(|part| &part.attempts);
        let again = self.usual.set(&self.definition, group, ids.map(|id| &*self.attempts[id]));
        self.touched.extend(again.into_iter().filter(|other| *other != group));
        let mut lasted = Lasted::default();
        let judged =
            parts.iter().map(|part| self.judge(group, part, now, &mut lasted, Occasion::News)).collect();
        self.survival.set(group, lasted, now);
        looked.insert(group, Looked { parts, judged, conflicts: conflicts.into_iter().collect() });
    }

    /// Judges one journey: its row, its findings, and when to judge it again.
    pub(super) fn judge(
        &mut self,
        group: GroupId,
        part: &Part,
        now: Nanos,
        lasted: &mut Lasted,
        occasion: Occasion,
    ) -> Judged {
        let mut attempts: Vec<&Attempt> = part.attempts.iter().map(|id| &*self.attempts[id]).collect();
        attempts.sort_unstable_by_key(|attempt| judge::order(&self.definition, attempt));
        let scene = Scene {
            definition: &self.definition,
            instances: &self.instances,
            sight: self.sight,
            now,
            first_signal_ns: self.first_signal_ns.unwrap_or(0),
            standing: self.standing.get(&part.name).map_or(&[], Vec::as_slice),
            granted: self.claims.granted(&part.name),
            storms_from: self.usual.storms_from(),
            survival: &self.survival,
        };
        let judgement = judge::judge(&scene, &mut self.automaton, &part.name, &attempts);
        let before = self.said.get(&group).and_then(|said| said.row(&part.name));
        let changed = attempts.iter().filter(|attempt| self.touched_attempts.contains(&attempt.id));
        let changed_ns = changed.filter_map(|attempt| attempt.end_ns).min();
        let from_ns = if before.is_none() { Some(0) } else { changed_ns };
        if let Some(from_ns) = from_ns.filter(|_| occasion == Occasion::News) {
            let standings = &judgement.standings;
            self.trending.take(
                &self.definition,
                &self.identity,
                (group, part),
                &attempts,
                standings,
                from_ns,
            );
        }
        if !judgement.claims.is_empty() {
            self.claimants.insert(part.name.clone(), group);
        }
        self.claims.set(&part.name, judgement.claims);
        lasted.over.extend(judgement.lasted.over);
        lasted.open.extend(judgement.lasted.open);
        let keys = self.keys(group, part, &attempts, before.map_or(&[], |row| &row.keys));
        let row = JourneyRow {
            name: Arc::clone(&part.name),
            is_anchored: part.is_anchored,
            verdict: judgement.verdict,
            waits: judgement.waits,
            span_ns: (
                attempts.iter().map(|attempt| attempt.first_ns()).min().unwrap_or(0),
                attempts.iter().map(|attempt| attempt.last_ns()).max().unwrap_or(0),
            ),
            keys,
            storms: judgement.storms,
        };
        let is_quiet = judgement.is_quiet && !self.standing.contains_key(&part.name);
        Judged { row, findings: judgement.findings, next_ns: judgement.next_ns, is_quiet }
    }

    /// Keys and values of a journey. Most often they are those it had before.
    pub(super) fn keys(
        &self,
        group: GroupId,
        part: &Part,
        attempts: &[&Attempt],
        before: &[(Arc<str>, Arc<str>)],
    ) -> Vec<(Arc<str>, Arc<str>)> {
        let own = attempts.iter().flat_map(|attempt| {
            let is_at_home = self.identity.is_at_home(attempt.id, group);
            // A package names items of other orders too.
            let is_own = move |(key, value): &&(Arc<str>, Arc<str>)| {
                is_at_home || self.identity.is_of(&self.definition, part, key, value)
            };
            attempt.keys.iter().filter(is_own)
        });
        let mut keys: Vec<&(Arc<str>, Arc<str>)> = Vec::with_capacity(before.len());
        for pair in own {
            if let Err(at) = keys.binary_search(&pair) {
                keys.insert(at, pair);
            }
        }
        if keys.iter().copied().eq(before) { before.to_vec() } else { keys.into_iter().cloned().collect() }
    }
}

/// Why a journey is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Something came, or is due.
    News,
    /// It was at rest, and is built anew as it was.
    Waking,
}

/// One journey as it is judged now.
pub(super) struct Judged {
    pub(super) row: JourneyRow,
    pub(super) findings: Vec<Finding>,
    /// When to judge it again though nothing came.
    pub(super) next_ns: Option<Nanos>,
    pub(super) is_quiet: bool,
}

/// The journeys of one group as they are judged now.
pub(super) struct Looked {
    pub(super) parts: Vec<Part>,
    pub(super) judged: Vec<Judged>,
    pub(super) conflicts: BTreeSet<Conflict>,
}
