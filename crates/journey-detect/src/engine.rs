//! The owner of all facts: takes spans and time, re-judges what was touched or is due, says what changed.
//!
//! One owner, no locks, no clock: the caller passes `now`, hands over spans as they come and asks from time to
//! time what changed ([`Engine::look`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use journey_model::{Resource, SpanRecord};

use crate::flow::Automaton;
use crate::identity::{Conflict, GroupId, Identity, Part};
use crate::instance::Instances;
use crate::judge::{self, Scene};
use crate::limits::JOURNEYS_MAX;
use crate::observation::{Observation, observe};
use crate::outputs::{Counters, JourneyRow, Outputs, Refusal};
use crate::timers::Timers;
use crate::{Attempt, AttemptId, Definition, Finding, Instance, Nanos, Sight};

/// The engine.
#[derive(Debug)]
pub struct Engine {
    definition: Definition,
    automaton: Automaton,
    attempts: HashMap<AttemptId, Attempt>,
    identity: Identity,
    instances: Instances,
    /// What was last said of each journey, by group and name.
    rows: HashMap<GroupId, BTreeMap<Box<str>, JourneyRow>>,
    /// Findings that stand, by journey.
    standing: HashMap<Box<str>, Vec<Finding>>,
    conflicts: BTreeSet<Conflict>,
    timers: Timers,
    sight: Sight,
    first_signal_ns: Option<Nanos>,
    counters: Counters,
    touched: BTreeSet<GroupId>,
    /// Groups of which something was heard since the last look.
    fresh: BTreeSet<GroupId>,
    /// When something was last heard of a group, by `now`; event times may lie anywhere.
    heard_ns: HashMap<GroupId, Nanos>,
    /// Journeys that attempts were stored under, until the first look.
    stored: HashMap<AttemptId, Vec<Box<str>>>,
    touched_attempts: BTreeSet<AttemptId>,
    touched_instances: BTreeSet<Box<str>>,
    /// Journeys of groups that were joined into others, not yet reported.
    gone: BTreeSet<Box<str>>,
}

impl Engine {
    /// An engine without facts.
    pub fn new(definition: Definition) -> Self {
        Self {
            automaton: Automaton::new(definition.net.clone()),
            definition,
            attempts: HashMap::new(),
            identity: Identity::default(),
            instances: Instances::default(),
            rows: HashMap::new(),
            standing: HashMap::new(),
            conflicts: BTreeSet::new(),
            timers: Timers::default(),
            sight: Sight::Blind,
            first_signal_ns: None,
            counters: Counters::default(),
            touched: BTreeSet::new(),
            fresh: BTreeSet::new(),
            heard_ns: HashMap::new(),
            stored: HashMap::new(),
            touched_attempts: BTreeSet::new(),
            touched_instances: BTreeSet::new(),
            gone: BTreeSet::new(),
        }
    }

    /// An engine with facts that were stored: attempts with the names of their journeys, as [`Outputs`] gave them.
    /// The first look re-judges all of them and reports what differs.
    pub fn restore(
        definition: Definition,
        attempts: impl IntoIterator<Item = (Attempt, Vec<Box<str>>)>,
        instances: impl IntoIterator<Item = Instance>,
        standing: impl IntoIterator<Item = Finding>,
        first_signal_ns: Option<Nanos>,
    ) -> Self {
        let mut engine = Self::new(definition);
        engine.first_signal_ns = first_signal_ns;
        instances.into_iter().for_each(|instance| engine.instances.restore(instance));
        for finding in standing {
            engine.standing.entry(finding.key.order.clone()).or_default().push(finding);
        }
        for (attempt, journeys) in attempts {
            engine.stored.insert(attempt.id, journeys);
            engine.place(attempt.id, attempt);
        }
        // What is stored is known; only what the first look changes is news, and nothing was heard just now.
        engine.touched_attempts.clear();
        engine.fresh.clear();
        engine
    }

    /// Goes on counting where another engine left off.
    #[must_use]
    pub fn counting_from(mut self, counters: Counters) -> Self {
        self.counters = counters;
        self
    }

    /// The definition that it follows.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// What it counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Journeys in memory.
    pub fn journeys(&self) -> usize {
        self.identity.groups()
    }

    /// When the first signal ever came, by the clock of the looks, in nanoseconds since the Unix epoch.
    pub fn first_signal_ns(&self) -> Option<Nanos> {
        self.first_signal_ns
    }

    /// Takes what one span says.
    ///
    /// # Errors
    /// Why it was not taken, though it is one of a journey.
    pub fn observe(&mut self, resource: &Resource<'_>, span: &SpanRecord<'_>) -> Result<(), Refusal> {
        match observe(&self.definition, resource, span) {
            Observation::Irrelevant => self.counters.irrelevant += 1,
            Observation::Malformed => {
                self.counters.malformed += 1;
                return Err(Refusal::Malformed);
            }
            Observation::Process(signal) => {
                self.counters.process_signals += 1;
                let text = |key| resource.str(key).unwrap_or_default();
                let id = text(journey_model::attribute::SERVICE_INSTANCE_ID);
                self.instances.signal(id, text(journey_model::attribute::SERVICE_NAME), &signal);
                self.touched_instances.insert(id.into());
            }
            Observation::Stage(attempt) => return self.take(*attempt),
        }
        Ok(())
    }

    /// Re-judges what was touched since the last look and what is due, and says what changed.
    pub fn look(&mut self, sight: Sight, now: Nanos) -> Outputs {
        if sight != self.sight {
            self.sight = sight;
            // Deadlines depend on when sight began.
            self.touched.extend(self.rows.keys());
        }
        self.touched.extend(self.timers.take_due(now));
        let mut outputs = Outputs::default();
        self.make_room(&mut outputs);
        for group in std::mem::take(&mut self.fresh) {
            self.first_signal_ns.get_or_insert(now);
            self.heard_ns.insert(group, now);
        }
        let mut all_conflicts = BTreeSet::new();
        for group in std::mem::take(&mut self.touched) {
            self.look_at(group, now, &mut outputs, &mut all_conflicts);
        }
        if !std::mem::take(&mut self.stored).is_empty() || self.rows.is_empty() {
            self.clear_orphans(&mut outputs);
        }
        for name in std::mem::take(&mut self.gone) {
            self.report_gone(name, &mut outputs);
        }
        for conflict in all_conflicts {
            if self.conflicts.insert(conflict.clone()) {
                outputs.conflicts.push(conflict.into());
            }
        }
        self.report_waiting(&mut outputs);
        let instances = std::mem::take(&mut self.touched_instances);
        outputs.instances.extend(instances.iter().filter_map(|id| self.instances.get(id)).cloned());
        outputs
    }

    /// When a look is due though nothing came, in nanoseconds since the Unix epoch.
    pub fn next_look_ns(&self) -> Option<Nanos> {
        self.timers.next()
    }

    fn take(&mut self, attempt: Attempt) -> Result<(), Refusal> {
        self.counters.stage_signals += 1;
        let id = attempt.id;
        if self.instances.saw(&attempt.instance, &attempt.service, attempt.last_ns()).is_some() {
            self.touched_instances.insert(attempt.instance.clone());
        }
        let merged = match self.attempts.get(&id) {
            Some(known) => {
                let mut merged = known.clone();
                if !merged.merge(attempt) {
                    self.counters.repeats += 1;
                    return Ok(());
                }
                merged
            }
            None if self.identity.is_full_for(&self.definition, &attempt) => {
                self.counters.journey_full += 1;
                return Err(Refusal::JourneyFull);
            }
            None => attempt,
        };
        self.place(id, merged);
        Ok(())
    }

    fn place(&mut self, id: AttemptId, attempt: Attempt) {
        let placed = self.identity.place(&self.definition, &attempt);
        self.attempts.insert(id, attempt);
        self.touched_attempts.insert(id);
        for group in placed.gone {
            self.touched.remove(&group);
            self.fresh.remove(&group);
            self.heard_ns.remove(&group);
            self.timers.remove(group);
            self.gone.extend(self.rows.remove(&group).into_iter().flat_map(BTreeMap::into_keys));
        }
        self.counters.ties_refused += placed.ties_refused;
        self.fresh.extend(placed.touched.iter().copied());
        self.touched.extend(placed.touched);
        self.touched_attempts.extend(placed.moved);
        if let Some(given_up) = placed.given_up {
            self.attempts.remove(&given_up);
            self.touched_attempts.remove(&given_up);
            self.counters.given_up += 1;
        }
    }

    fn look_at(
        &mut self,
        group: GroupId,
        now: Nanos,
        outputs: &mut Outputs,
        all_conflicts: &mut BTreeSet<Conflict>,
    ) {
        let (parts, conflicts) = self.identity.parts(&self.definition, group);
        all_conflicts.extend(conflicts);
        let is_expired = self.is_expired(group, &parts, now);
        let before = self.rows.remove(&group).unwrap_or_default();
        let mut after = BTreeMap::new();
        let mut next_ns = None;
        for part in &parts {
            let (row, findings, due_ns) = self.judge(part, now);
            // An abandoned order raises nothing, and what stood is cleared.
            self.report_findings(&part.name, if is_expired { Vec::new() } else { findings }, outputs);
            next_ns = next_ns.into_iter().chain(due_ns).min();
            if before.get(&part.name) != Some(&row) {
                outputs.journeys.push(row.clone());
            }
            after.insert(part.name.clone(), row);
        }
        // Between orders in conflict, attempts may change sides under the same names.
        let is_regrouped = parts.len() > 1 || before.keys().ne(after.keys());
        self.report_attempts(&parts, is_regrouped, outputs);
        self.gone.extend(before.into_keys().filter(|name| !after.contains_key(name)));
        // A name that came back is not gone.
        after.keys().for_each(|name| {
            self.gone.remove(name);
        });
        if is_expired {
            self.counters.expired += parts.len() as u64;
            self.forget(group);
            return;
        }
        let expiry = after.values().map(|row| row.span_ns.1).max().max(self.heard_ns.get(&group).copied());
        let expiry_ns = expiry.map(|last_ns| last_ns.saturating_add(self.definition.expire_after_ns));
        self.timers.set(group, next_ns.into_iter().chain(expiry_ns).min(), expiry.unwrap_or(0));
        self.rows.insert(group, after);
    }

    /// Judges one journey: its row, its findings, and when to judge it again.
    fn judge(&mut self, part: &Part, now: Nanos) -> (JourneyRow, Vec<Finding>, Option<Nanos>) {
        let mut attempts: Vec<&Attempt> = part.attempts.iter().map(|id| &self.attempts[id]).collect();
        attempts.sort_by_cached_key(|attempt| judge::order(&self.definition, attempt));
        let scene = Scene {
            definition: &self.definition,
            instances: &self.instances,
            sight: self.sight,
            now,
            first_signal_ns: self.first_signal_ns.unwrap_or(0),
            standing: self.standing.get(&part.name).map_or(&[], Vec::as_slice),
        };
        let judgement = judge::judge(&scene, &mut self.automaton, &part.name, &attempts);
        let mut keys: Vec<_> = attempts.iter().flat_map(|attempt| attempt.keys.iter().cloned()).collect();
        keys.sort();
        keys.dedup();
        let row = JourneyRow {
            name: part.name.clone(),
            is_anchored: part.is_anchored,
            verdict: judgement.verdict,
            waits: judgement.waits,
            span_ns: (
                attempts.iter().map(|attempt| attempt.first_ns()).min().unwrap_or(0),
                attempts.iter().map(|attempt| attempt.last_ns()).max().unwrap_or(0),
            ),
            keys,
        };
        (row, judgement.findings, judgement.next_ns)
    }

    fn report_findings(&mut self, name: &str, now_standing: Vec<Finding>, outputs: &mut Outputs) {
        let before = self.standing.remove(name).unwrap_or_default();
        let is_in = |list: &[Finding], finding: &Finding| list.iter().any(|known| known.is_same(finding));
        outputs.cleared.extend(before.iter().filter(|old| !is_in(&now_standing, old)).cloned());
        outputs.raised.extend(now_standing.iter().filter(|new| !is_in(&before, new)).cloned());
        if !now_standing.is_empty() {
            self.standing.insert(name.into(), now_standing);
        }
    }

    /// Reports attempts that changed, or all of them if they now belong to other journeys.
    fn report_attempts(&mut self, parts: &[Part], is_regrouped: bool, outputs: &mut Outputs) {
        let mut homes: BTreeMap<AttemptId, Vec<Box<str>>> = BTreeMap::new();
        for part in parts {
            for id in &part.attempts {
                homes.entry(*id).or_default().push(part.name.clone());
            }
        }
        for (id, names) in homes {
            let is_stored = self.stored.get(&id) == Some(&names);
            if self.touched_attempts.remove(&id) || (is_regrouped && !is_stored) {
                outputs.attempts.push((self.attempts[&id].clone(), names));
            }
        }
    }

    /// Reports attempts that belong to no journey yet.
    fn report_waiting(&mut self, outputs: &mut Outputs) {
        for id in std::mem::take(&mut self.touched_attempts) {
            outputs.attempts.extend(self.attempts.get(&id).map(|attempt| (attempt.clone(), Vec::new())));
        }
    }

    /// Clears findings whose journey is in memory no more: it expired while nobody looked.
    fn clear_orphans(&mut self, outputs: &mut Outputs) {
        let known: BTreeSet<&Box<str>> = self.rows.values().flat_map(BTreeMap::keys).collect();
        let orphans: Vec<Box<str>> =
            self.standing.keys().filter(|name| !known.contains(name)).cloned().collect();
        orphans.iter().for_each(|name| self.report_findings(name, Vec::new(), outputs));
    }

    fn report_gone(&mut self, name: Box<str>, outputs: &mut Outputs) {
        self.report_findings(&name, Vec::new(), outputs);
        outputs.gone.push(name);
    }

    /// Whether nothing happened to the journeys for so long that they leave memory.
    fn is_expired(&self, group: GroupId, parts: &[Part], now: Nanos) -> bool {
        let attempts = parts.iter().flat_map(|part| &part.attempts);
        let last_ns = attempts.map(|id| self.attempts[id].last_ns()).max();
        let last_ns = last_ns.max(self.heard_ns.get(&group).copied());
        last_ns.is_some_and(|last_ns| last_ns.saturating_add(self.definition.expire_after_ns) <= now)
    }

    fn make_room(&mut self, outputs: &mut Outputs) {
        while self.identity.groups() > JOURNEYS_MAX {
            let Some(oldest) = self.timers.least_recent() else { return };
            let names: Vec<Box<str>> =
                self.rows.get(&oldest).into_iter().flatten().map(|(name, _)| name.clone()).collect();
            self.counters.evicted += names.len() as u64;
            names.iter().for_each(|name| self.report_findings(name, Vec::new(), outputs));
            self.forget(oldest);
        }
    }

    fn forget(&mut self, group: GroupId) {
        for id in self.identity.forget(group) {
            self.attempts.remove(&id);
            self.touched_attempts.remove(&id);
        }
        self.rows.remove(&group);
        self.heard_ns.remove(&group);
        self.timers.remove(group);
        self.touched.remove(&group);
    }
}

#[cfg(test)]
mod tests;
