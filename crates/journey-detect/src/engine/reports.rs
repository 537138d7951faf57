//! What changed, told to the caller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Engine;
use super::judging::{Judged, Looked};
use crate::identity::{Conflict, GroupId, Part};
use crate::{AttemptId, Finding, JourneyNames, JourneyRow, Nanos, Outputs};

impl Engine {
    pub(super) fn report_group(&mut self, group: GroupId, looked: Looked, now: Nanos, outputs: &mut Outputs) {
        let Looked { parts, judged, conflicts } = looked;
        let before = self.said.remove(&group).unwrap_or_default();
        let heard_ns = before.heard_ns;
        let is_expired = self.is_expired(&judged, heard_ns, now);
        let mut after = Vec::with_capacity(judged.len());
        let mut next_ns = None;
        let mut is_quiet = judged.len() == 1;
        for Judged { row, findings, next_ns: due_ns, is_quiet: is_part_quiet } in judged {
            // An abandoned order raises nothing, and what stood is cleared.
            let findings = if is_expired { Vec::new() } else { findings };
            self.report_findings(&row.name, findings, now, outputs);
            is_quiet &= is_part_quiet && !self.standing.contains_key(&row.name);
            next_ns = next_ns.into_iter().chain(due_ns).min();
            after.push(match before.row(&row.name) {
                Some(known) if **known == row => Arc::clone(known),
                _ => {
                    let row = Arc::new(row);
                    outputs.journeys.push(Arc::clone(&row));
                    row
                }
            });
        }
        // Between orders in conflict, attempts may change sides under the same names.
        let is_regrouped = parts.len() > 1 || !before.names().eq(after.iter().map(|row| &row.name));
        if parts.is_empty() {
            self.report_plain(group, is_regrouped, outputs);
        } else {
            self.report_attempts(group, &parts, is_regrouped, outputs);
        }
        if is_regrouped {
            let is_gone = |name: &&Arc<str>| !after.iter().any(|known| known.name == **name);
            self.gone.extend(before.names().filter(is_gone).cloned());
        }
        if !self.gone.is_empty() {
            // A name that came back is not gone.
            after.iter().for_each(|row| drop(self.gone.take(&row.name)));
        }
        if is_expired {
            self.counters.expired += after.len() as u64;
            before.names().chain(after.iter().map(|row| &row.name)).for_each(|name| self.forget_claims(name));
            self.forget(group);
            return;
        }
        let last_ns = after.iter().map(|row| row.span_ns.1).fold(heard_ns, Nanos::max);
        let expiry_ns = last_ns.saturating_add(self.definition.expire_after_ns);
        self.timers.set(group, next_ns.into_iter().chain([expiry_ns]).min(), last_ns);
        self.said.insert(
            group,
            Said { rows: after, rested: None, heard_ns, is_quiet, turn: self.ready.note(group) },
        );
        if !conflicts.is_empty() {
            self.conflicts.insert(group, conflicts);
        }
    }

    /// Says which conflicts are new, and which later spans explained away.
    pub(super) fn report_conflicts(&mut self, looked: &BTreeMap<GroupId, Looked>, outputs: &mut Outputs) {
        let mut before = std::mem::take(&mut self.orphaned_conflicts);
        before.extend(looked.keys().filter_map(|group| self.conflicts.remove(group)).flatten());
        let after: BTreeSet<&Conflict> = looked.values().flat_map(|looked| &looked.conflicts).collect();
        let withdrawn = before.iter().filter(|conflict| !after.contains(conflict));
        outputs.conflicts_withdrawn.extend(withdrawn.cloned().map(Into::into));
        let found = after.into_iter().filter(|conflict| !before.contains(conflict));
        outputs.conflicts.extend(found.cloned().map(Into::into));
    }

    pub(super) fn report_findings(
        &mut self,
        name: &str,
        judged: Vec<Finding>,
        now: Nanos,
        outputs: &mut Outputs,
    ) {
        if judged.is_empty() && self.standing.is_empty() {
            return;
        }
        let before = self.standing.remove(name).unwrap_or_default();
        let is_in = |list: &[Finding], finding: &Finding| list.iter().any(|known| known.is_same(finding));
        let grace_ns = self.grace_ns();
        // What takes another's place comes first, so that an alert does not go for a moment.
        for finding in judged.iter().filter(|new| !is_in(&before, new)) {
            self.told.raise(finding.clone(), now, grace_ns, outputs);
        }
        for finding in before.iter().filter(|old| !is_in(&judged, old)) {
            self.told.clear(finding, now, outputs);
        }
        if !judged.is_empty() {
            self.standing.insert(name.into(), judged);
        }
    }

    /// Reports attempts that changed, or all of them if they now belong to other journeys.
    pub(super) fn report_attempts(
        &mut self,
        group: GroupId,
        parts: &[Part],
        is_regrouped: bool,
        outputs: &mut Outputs,
    ) {
        let alone: Option<JourneyNames> = match parts {
            [part] => Some([Arc::clone(&part.name)].into()),
            _ => None,
        };
        for (at, part) in parts.iter().enumerate() {
            for id in &part.attempts {
                let is_told = parts[..at].iter().any(|other| other.attempts.binary_search(id).is_ok());
                let is_touched = !is_told && self.touched_attempts.remove(id);
                if is_told || !is_touched && !is_regrouped {
                    continue;
                }
                let is_here_alone = self.identity.groups_of(*id).all(|other| other == group);
                let names = match &alone {
                    Some(alone) if is_here_alone => Arc::clone(alone),
                    _ => self.names_of(*id, group, &parts[at..]),
                };
                if is_touched || self.stored.get(id) != Some(&names) {
                    outputs.attempts.push((Arc::clone(&self.attempts[id]), names));
                }
            }
        }
    }

    /// The journeys of an attempt, of whichever groups.
    pub(super) fn names_of(&self, id: AttemptId, group: GroupId, parts: &[Part]) -> JourneyNames {
        let is_in = |part: &&Part| part.attempts.binary_search(&id).is_ok();
        let mut names: BTreeSet<Arc<str>> =
            parts.iter().filter(is_in).map(|part| Arc::clone(&part.name)).collect();
        let others: BTreeSet<GroupId> = self.identity.groups_of(id).filter(|other| *other != group).collect();
        for other in others {
            let (parts, _) = self.identity.parts(&self.definition, other);
            names.extend(parts.iter().filter(is_in).map(|part| Arc::clone(&part.name)));
        }
        names.into_iter().collect()
    }

    /// Reports attempts that belong to no journey yet.
    pub(super) fn report_waiting(&mut self, outputs: &mut Outputs) {
        let mut touched: Vec<AttemptId> = self.touched_attempts.drain().collect();
        touched.sort_unstable();
        for id in touched {
            let waiting = self.attempts.get(&id).map(|attempt| (Arc::clone(attempt), [].into()));
            outputs.attempts.extend(waiting);
        }
    }

    /// Clears findings whose journey is in memory no more: it expired while nobody looked.
    pub(super) fn clear_orphans(&mut self, now: Nanos, outputs: &mut Outputs) {
        let known: BTreeSet<&Arc<str>> = self.said.values().flat_map(Said::names).collect();
        let orphans: Vec<Arc<str>> =
            self.standing.keys().filter(|name| !known.contains(name)).cloned().collect();
        orphans.iter().for_each(|name| self.report_findings(name, Vec::new(), now, outputs));
    }

    pub(super) fn report_gone(&mut self, name: Arc<str>, now: Nanos, outputs: &mut Outputs) {
        self.report_findings(&name, Vec::new(), now, outputs);
        self.forget_claims(&name);
        outputs.gone.push(name);
    }
}

/// What was last said of the journeys of a group.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Sorted by name.
    pub(super) rows: Vec<Arc<JourneyRow>>,
    /// The name of the journey, if it was at rest and was not judged since.
    pub(super) rested: Option<Arc<str>>,
    /// When something was last heard of them, by `now`; event times may lie anywhere.
    pub(super) heard_ns: Nanos,
    /// It is one journey, and a later beat would change no word about it.
    pub(super) is_quiet: bool,
    /// When it was judged last among all.
    pub(super) turn: u64,
}

impl Said {
    pub(super) fn row(&self, name: &str) -> Option<&Arc<JourneyRow>> {
        self.rows.iter().find(|row| *row.name == *name)
    }

    /// The names of its journeys.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rows.iter().map(|row| &row.name).chain(&self.rested)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| **known == *name)
    }
}
