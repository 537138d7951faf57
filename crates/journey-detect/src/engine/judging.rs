//! Journeys that were touched or are due, judged anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Engine;
use crate::identity::{Conflict, GroupId, Part};
use crate::judge::{self, Scene, Seen};
use crate::survival::Lasted;
use crate::{Attempt, Finding, JourneyRow, Nanos, Pairs};

impl Engine {
    pub(super) fn judge_touched(&mut self, now: Nanos, looked: &mut BTreeMap<GroupId, Looked>) {
        let mut touched: Vec<GroupId> = std::mem::take(&mut self.touched).into_iter().collect();
        touched.iter().for_each(|group| self.unpack(*group));
        touched.retain(|group| self.plains.contains_key(group) || self.identity.has(*group));
        touched.sort_unstable();
        for group in touched {
            self.judge_group(group, now, looked);
        }
    }

    /// Judges the journeys of a group, and sets in place of what was judged of it before.
    pub(super) fn judge_group(&mut self, group: GroupId, now: Nanos, looked: &mut BTreeMap<GroupId, Looked>) {
        let mut lasted = Lasted::default();
        let found = match self.judge_plain(group, now, &mut lasted) {
            Some(judged) => Looked { judged: vec![judged], ..Looked::default() },
            None => self.judge_parts(group, now, &mut lasted),
        };
        self.survival.set(group, lasted, now);
        looked.insert(group, found);
    }

    /// Judges a plain journey; `None` if it is none.
    fn judge_plain(&mut self, group: GroupId, now: Nanos, lasted: &mut Lasted) -> Option<Judged> {
        let mut plain = self.plains.remove(&group)?;
        plain.sort(&self.definition);
        let changed_ns = Self::changed_ns(&mut plain);
        let seen = plain.seen();
        self.note_usual(group, &seen);
        let subject = Subject {
            group,
            name: plain.name(),
            is_anchored: plain.is_anchored(),
            attempts: &seen,
            changed_ns,
            keys: plain.keys(),
        };
        let judged = self.judge(&subject, now, lasted);
        self.plains.insert(group, plain);
        Some(judged)
    }

    /// Judges the journeys of a group that may share something.
    fn judge_parts(&mut self, group: GroupId, now: Nanos, lasted: &mut Lasted) -> Looked {
        let (parts, conflicts) = self.identity.parts(&self.definition, group);
        let ids = parts.iter().flat_map(|part| &part.attempts);
        let attempts: Vec<Arc<Attempt>> = ids.map(|id| Arc::clone(&self.attempts[id])).collect();
        let seen: Vec<Seen<'_>> = attempts.iter().map(|attempt| self.definition.see(attempt)).collect();
        self.note_usual(group, &seen);
        let judged = parts.iter().map(|part| self.judge_part(group, part, now, lasted)).collect();
        Looked { parts, judged, conflicts: conflicts.into_iter().collect() }
    }

    /// Judges one journey of a group.
    fn judge_part(&mut self, group: GroupId, part: &Part, now: Nanos, lasted: &mut Lasted) -> Judged {
        let mut attempts: Vec<Arc<Attempt>> =
            part.attempts.iter().map(|id| Arc::clone(&self.attempts[id])).collect();
        attempts.sort_unstable_by_key(|attempt| judge::order(&self.definition, attempt));
        let changed = attempts.iter().filter(|attempt| self.touched_attempts.contains(&attempt.id));
        let changed_ns = changed.filter_map(|attempt| attempt.end_ns).min();
        let keys = self.keys(group, part, &attempts);
        let seen: Vec<Seen<'_>> = attempts.iter().map(|attempt| self.definition.see(attempt)).collect();
        let Part { name, is_anchored, .. } = part;
        let subject =
            Subject { group, name, is_anchored: *is_anchored, attempts: &seen, changed_ns, keys: &keys };
        self.judge(&subject, now, lasted)
    }

    /// Counts how often stages failed. Where that moves a limit, others are to be judged again.
    fn note_usual(&mut self, group: GroupId, attempts: &[Seen<'_>]) {
        let again = self.usual.set(group, attempts);
        self.touched.extend(again.into_iter().filter(|other| *other != group));
    }

    /// Judges one journey: its row, its findings, and when to judge it again.
    fn judge(&mut self, subject: &Subject<'_>, now: Nanos, lasted: &mut Lasted) -> Judged {
        let Subject { group, name, attempts, .. } = *subject;
        let standing = self.standing.get(name).map_or(&[][..], Vec::as_slice);
        let scene = Scene {
            definition: &self.definition,
            instances: &self.instances,
            sight: self.sight,
            now,
            first_signal_ns: self.first_signal_ns.unwrap_or(0),
            standing,
            granted: self.claims.granted(name),
            storms_from: self.usual.storms_from(),
            survival: &self.survival,
        };
        let judgement = judge::judge(&scene, &mut self.automaton, name, attempts);
        let is_new = self.said.get(&group).is_none_or(|said| !said.has(name));
        let from_ns = if is_new { Some(0) } else { subject.changed_ns };
        if let Some(from_ns) = from_ns {
            let standings = &judgement.standings;
            self.trending.take(&self.definition, &self.identity, subject, standings, from_ns);
        }
        if !judgement.claims.is_empty() {
            self.claimants.insert(Arc::clone(name), group);
        } else if !self.claimants.is_empty() {
            self.claimants.remove(name);
        }
        self.claims.set(name, judgement.claims);
        lasted.extend(judgement.lasted);
        let row = JourneyRow {
            name: Arc::clone(name),
            is_anchored: subject.is_anchored,
            verdict: judgement.verdict,
            waits: judgement.waits,
            span_ns: (
                attempts.iter().map(|attempt| attempt.first_ns()).min().unwrap_or(0),
                attempts.iter().map(|attempt| attempt.last_ns()).max().unwrap_or(0),
            ),
            keys: Arc::clone(subject.keys),
            storms: judgement.storms,
        };
        Judged { row, findings: judgement.findings, next_ns: judgement.next_ns, is_quiet: judgement.is_quiet }
    }

    /// Keys and values of a journey of a group.
    fn keys(&self, group: GroupId, part: &Part, attempts: &[Arc<Attempt>]) -> Pairs {
        let own = attempts.iter().flat_map(|attempt| {
            let is_at_home = self.identity.is_at_home(attempt.id, group);
            // A package names items of other orders too.
            let is_own = move |(key, value): &&(Arc<str>, Arc<str>)| {
                is_at_home || self.identity.is_of(&self.definition, part, key, value)
            };
            attempt.keys.iter().filter(is_own)
        });
        let mut keys: Vec<&(Arc<str>, Arc<str>)> = Vec::new();
        for pair in own {
            if let Err(at) = keys.binary_search(&pair) {
                keys.insert(at, pair);
            }
        }
        keys.into_iter().cloned().collect()
    }
}

/// A journey that is judged.
pub(super) struct Subject<'s> {
    pub(super) group: GroupId,
    pub(super) name: &'s Arc<str>,
    is_anchored: bool,
    /// In order.
    pub(super) attempts: &'s [Seen<'s>],
    /// The least end of the attempts that changed.
    changed_ns: Option<Nanos>,
    keys: &'s Pairs,
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
#[derive(Default)]
pub(super) struct Looked {
    /// Empty for a plain journey.
    pub(super) parts: Vec<Part>,
    pub(super) judged: Vec<Judged>,
    pub(super) conflicts: BTreeSet<Conflict>,
}
