//! The owner of all facts: takes spans and time, re-judges what was touched or is due, says what changed.
//!
//! One owner, no locks, no clock: the caller passes `now`, hands over spans as they come and asks from time to
//! time what changed ([`Engine::look`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use journey_model::{Resource, SpanRecord};

use crate::evidence::Claims;
use crate::flow::Automaton;
use crate::identity::{Conflict, GroupId, Identity, Part};
use crate::instance::Instances;
use crate::judge::{self, Scene};
use crate::limits::{BEATS_MISSED_MAX, JOURNEYS_MAX};
use crate::observation::{Numbered, Observation, observe};
use crate::outputs::{Counters, JourneyRow, Outputs, Refusal};
use crate::pipeline::Pipeline;
use crate::survival::{Lasted, Survival};
use crate::timers::Timers;
use crate::told::Told;
use crate::usual::Usual;
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
    conflicts: HashMap<GroupId, BTreeSet<Conflict>>,
    /// Conflicts of groups that were joined into others.
    orphaned_conflicts: BTreeSet<Conflict>,
    claims: Claims,
    /// Groups of the journeys that claim missing steps.
    claimants: HashMap<Box<str>, GroupId>,
    usual: Usual,
    survival: Survival,
    pipeline: Pipeline,
    told: Told,
    timers: Timers,
    /// Whether silence proves something: what the caller says, and that not everything is silent.
    sight: Sight,
    /// When signals came again after all were silent.
    heard_again_ns: Nanos,
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
            usual: Usual::new(&definition),
            survival: Survival::new(&definition),
            definition,
            attempts: HashMap::new(),
            identity: Identity::default(),
            instances: Instances::default(),
            rows: HashMap::new(),
            standing: HashMap::new(),
            conflicts: HashMap::new(),
            orphaned_conflicts: BTreeSet::new(),
            claims: Claims::default(),
            claimants: HashMap::new(),
            pipeline: Pipeline::default(),
            told: Told::default(),
            timers: Timers::default(),
            sight: Sight::Blind,
            heard_again_ns: 0,
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
            engine.told.restore(finding.clone());
            if finding.key.order.is_empty() {
                if finding.orders.is_none() {
                    engine.pipeline.restore(finding);
                }
                continue;
            }
            engine.standing.entry(finding.key.order.clone()).or_default().push(finding);
        }
        for (attempt, mut journeys) in attempts {
            journeys.sort();
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

    /// The findings that stand, in no order, each as it was judged last.
    pub fn standing(&self) -> impl Iterator<Item = &Finding> {
        self.standing.values().flatten()
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
                let service = text(journey_model::attribute::SERVICE_NAME);
                self.instances.signal(id, service, &signal);
                self.touched_instances.insert(id.into());
                self.pipeline.note(id, signal.at_ns, false);
                self.claims.note_holes(service);
            }
            Observation::Stage(attempt, numbered) => {
                self.note_instance(&attempt, numbered);
                return self.take(*attempt);
            }
        }
        Ok(())
    }

    /// An instance showed, and perhaps used up a number.
    fn note_instance(&mut self, attempt: &Attempt, numbered: Option<Numbered>) {
        let Attempt { instance, service, .. } = attempt;
        let at_ns = attempt.last_ns();
        if self.instances.saw(instance, service, at_ns).is_some() {
            self.touched_instances.insert(instance.clone());
        }
        let Some(numbered) = numbered else {
            self.pipeline.note(instance, at_ns, false);
            return;
        };
        let (holes_changed, is_new) = self.instances.number(instance, service, at_ns, numbered);
        let id = if instance.is_empty() { service } else { instance };
        self.touched_instances.insert(id.clone());
        self.pipeline.note(id, at_ns, is_new);
        if holes_changed {
            self.claims.note_holes(service);
        }
    }

    /// The share of all numbers in `journey.seq` that did not come, 0.0 to 1.0; `None` without such numbers.
    pub fn loss_rate(&self) -> Option<f64> {
        let counts = self.instances.all().map(Instance::used_and_lost);
        let (used, lost) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (used > 0).then(|| lost as f64 / used as f64)
    }

    /// Re-judges what was touched since the last look and what is due, and says what changed.
    pub fn look(&mut self, sight: Sight, now: Nanos) -> Outputs {
        let mut outputs = Outputs::default();
        let sight = self.check_pipeline(sight, now, &mut outputs);
        if sight != self.sight {
            self.sight = sight;
            // Deadlines depend on when sight began.
            self.touched.extend(self.rows.keys());
        }
        self.touched.extend(self.timers.take_due(now));
        self.make_room(now, &mut outputs);
        for group in std::mem::take(&mut self.fresh) {
            self.first_signal_ns.get_or_insert(now);
            self.heard_ns.insert(group, now);
        }
        let mut looked = BTreeMap::new();
        for group in std::mem::take(&mut self.touched) {
            self.judge_group(group, now, &mut looked);
        }
        // What is usual, and what is excused, depends on other orders too.
        for group in std::mem::take(&mut self.touched) {
            self.judge_group(group, now, &mut looked);
        }
        for name in self.claims.serve(&self.instances) {
            if let Some(group) = self.claimants.get(&name).copied() {
                self.judge_group(group, now, &mut looked);
            }
        }
        self.report_conflicts(&looked, &mut outputs);
        for (group, looked) in looked {
            self.report_group(group, looked, now, &mut outputs);
        }
        if !std::mem::take(&mut self.stored).is_empty() || self.rows.is_empty() {
            self.clear_orphans(now, &mut outputs);
        }
        for name in std::mem::take(&mut self.gone) {
            self.report_gone(name, now, &mut outputs);
        }
        self.told.advance(now, &mut outputs);
        for given_up in self.identity.give_up_waiting(now, self.definition.expire_after_ns) {
            self.give_up(given_up);
        }
        self.report_waiting(&mut outputs);
        let instances = std::mem::take(&mut self.touched_instances);
        outputs.instances.extend(instances.iter().filter_map(|id| self.instances.get(id)).cloned());
        outputs
    }

    /// When a look is due though nothing came, in nanoseconds since the Unix epoch.
    pub fn next_look_ns(&self) -> Option<Nanos> {
        [self.timers.next(), self.told.next_ns(), self.pipeline.next_ns()].into_iter().flatten().min()
    }

    /// Whether silence proves something about orders: not while everything is silent.
    fn check_pipeline(&mut self, sight: Sight, now: Nanos, outputs: &mut Outputs) -> Sight {
        let was_silent = self.pipeline.is_silent();
        let interval_ns = self.definition.beat_interval_ns;
        let (cleared, raised) = self.pipeline.check(&self.instances, interval_ns, sight, now);
        raised.into_iter().for_each(|finding| self.told.raise(finding, now, self.grace_ns(), outputs));
        cleared.iter().for_each(|finding| self.told.clear(finding, now, outputs));
        let is_silent = self.pipeline.is_silent();
        if was_silent && !is_silent {
            self.heard_again_ns = now;
        }
        match sight {
            Sight::Seeing { since_ns } if !is_silent => {
                Sight::Seeing { since_ns: since_ns.max(self.heard_again_ns) }
            }
            _ => Sight::Blind,
        }
    }

    fn grace_ns(&self) -> Nanos {
        self.definition.beat_interval_ns.saturating_mul(BEATS_MISSED_MAX)
    }

    fn take(&mut self, attempt: Attempt) -> Result<(), Refusal> {
        self.counters.stage_signals += 1;
        let id = attempt.id;
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
            self.usual.remove(group);
            self.survival.remove(group);
            self.orphaned_conflicts.extend(self.conflicts.remove(&group).into_iter().flatten());
            self.gone.extend(self.rows.remove(&group).into_iter().flat_map(BTreeMap::into_keys));
        }
        self.counters.ties_refused += placed.ties_refused;
        self.fresh.extend(placed.touched.iter().copied());
        self.touched.extend(placed.touched);
        self.touched_attempts.extend(placed.moved);
        if let Some(given_up) = placed.given_up {
            self.give_up(given_up);
        }
    }

    fn give_up(&mut self, attempt: AttemptId) {
        self.attempts.remove(&attempt);
        self.touched_attempts.remove(&attempt);
        self.counters.given_up += 1;
    }

    /// Judges the journeys of a group, and sets in place of what was judged of it before.
    fn judge_group(&mut self, group: GroupId, now: Nanos, looked: &mut BTreeMap<GroupId, Looked>) {
        let (parts, conflicts) = self.identity.parts(&self.definition, group);
        let ids = parts.iter().flat_map(|part| &part.attempts);
        let again = self.usual.set(&self.definition, group, ids.map(|id| &self.attempts[id]));
        self.touched.extend(again.into_iter().filter(|other| *other != group));
        let mut lasted = Lasted::default();
        let judged = parts.iter().map(|part| self.judge(group, part, now, &mut lasted)).collect();
        let again = self.survival.set(group, lasted, now);
        self.touched.extend(again.into_iter().filter(|other| *other != group));
        looked.insert(group, Looked { parts, judged, conflicts: conflicts.into_iter().collect() });
    }

    fn report_group(&mut self, group: GroupId, looked: Looked, now: Nanos, outputs: &mut Outputs) {
        let Looked { parts, judged, conflicts } = looked;
        let is_expired = self.is_expired(group, &parts, now);
        let before = self.rows.remove(&group).unwrap_or_default();
        let mut after = BTreeMap::new();
        let mut next_ns = None;
        for (part, (row, findings, due_ns)) in parts.iter().zip(judged) {
            // An abandoned order raises nothing, and what stood is cleared.
            let findings = if is_expired { Vec::new() } else { findings };
            self.report_findings(&part.name, findings, now, outputs);
            next_ns = next_ns.into_iter().chain(due_ns).min();
            if before.get(&part.name) != Some(&row) {
                outputs.journeys.push(row.clone());
            }
            after.insert(part.name.clone(), row);
        }
        // Between orders in conflict, attempts may change sides under the same names.
        let is_regrouped = parts.len() > 1 || before.keys().ne(after.keys());
        self.report_attempts(group, &parts, is_regrouped, outputs);
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
        if !conflicts.is_empty() {
            self.conflicts.insert(group, conflicts);
        }
    }

    /// Says which conflicts are new, and which later spans explained away.
    fn report_conflicts(&mut self, looked: &BTreeMap<GroupId, Looked>, outputs: &mut Outputs) {
        let mut before = std::mem::take(&mut self.orphaned_conflicts);
        before.extend(looked.keys().filter_map(|group| self.conflicts.remove(group)).flatten());
        let after: BTreeSet<&Conflict> = looked.values().flat_map(|looked| &looked.conflicts).collect();
        let withdrawn = before.iter().filter(|conflict| !after.contains(conflict));
        outputs.conflicts_withdrawn.extend(withdrawn.cloned().map(Into::into));
        let found = after.into_iter().filter(|conflict| !before.contains(conflict));
        outputs.conflicts.extend(found.cloned().map(Into::into));
    }

    /// Judges one journey: its row, its findings, and when to judge it again.
    fn judge(
        &mut self,
        group: GroupId,
        part: &Part,
        now: Nanos,
        lasted: &mut Lasted,
    ) -> (JourneyRow, Vec<Finding>, Option<Nanos>) {
        let mut attempts: Vec<&Attempt> = part.attempts.iter().map(|id| &self.attempts[id]).collect();
        attempts.sort_by_cached_key(|attempt| judge::order(&self.definition, attempt));
        let scene = Scene {
            definition: &self.definition,
            instances: &self.instances,
            sight: self.sight,
            now,
            first_signal_ns: self.first_signal_ns.unwrap_or(0),
            standing: self.standing.get(&part.name).map_or(&[], Vec::as_slice),
            granted: &self.claims.granted(&part.name),
            storms_from: self.usual.storms_from(),
            survival: &self.survival,
        };
        let judgement = judge::judge(&scene, &mut self.automaton, &part.name, &attempts);
        if !judgement.claims.is_empty() {
            self.claimants.insert(part.name.clone(), group);
        }
        self.claims.set(&part.name, judgement.claims);
        lasted.over.extend(judgement.lasted.over);
        lasted.open.extend(judgement.lasted.open);
        let mut keys = Vec::new();
        for attempt in &attempts {
            let is_at_home = self.identity.is_at_home(attempt.id, group);
            // A package names items of other orders too.
            let own = attempt
                .keys
                .iter()
                .filter(|(key, value)| is_at_home || self.identity.is_of(&self.definition, part, key, value));
            keys.extend(own.cloned());
        }
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
            storms: judgement.storms,
        };
        (row, judgement.findings, judgement.next_ns)
    }

    fn report_findings(&mut self, name: &str, judged: Vec<Finding>, now: Nanos, outputs: &mut Outputs) {
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
    fn report_attempts(&mut self, group: GroupId, parts: &[Part], is_regrouped: bool, outputs: &mut Outputs) {
        let mut homes: BTreeMap<AttemptId, Vec<Box<str>>> = BTreeMap::new();
        for part in parts {
            for id in &part.attempts {
                homes.entry(*id).or_default().push(part.name.clone());
            }
        }
        for (id, mut names) in homes {
            let is_touched = self.touched_attempts.remove(&id);
            if !is_touched && !is_regrouped {
                continue;
            }
            for other in self.identity.groups_of(id).into_iter().filter(|other| *other != group) {
                let (others, _) = self.identity.parts(&self.definition, other);
                names.extend(
                    others.into_iter().filter(|part| part.attempts.contains(&id)).map(|part| part.name),
                );
            }
            names.sort();
            if is_touched || self.stored.get(&id) != Some(&names) {
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
    fn clear_orphans(&mut self, now: Nanos, outputs: &mut Outputs) {
        let known: BTreeSet<&Box<str>> = self.rows.values().flat_map(BTreeMap::keys).collect();
        let orphans: Vec<Box<str>> =
            self.standing.keys().filter(|name| !known.contains(name)).cloned().collect();
        orphans.iter().for_each(|name| self.report_findings(name, Vec::new(), now, outputs));
    }

    fn report_gone(&mut self, name: Box<str>, now: Nanos, outputs: &mut Outputs) {
        self.report_findings(&name, Vec::new(), now, outputs);
        self.forget_claims(&name);
        outputs.gone.push(name);
    }

    /// Whether nothing happened to the journeys for so long that they leave memory.
    fn is_expired(&self, group: GroupId, parts: &[Part], now: Nanos) -> bool {
        let attempts = parts.iter().flat_map(|part| &part.attempts);
        let last_ns = attempts.map(|id| self.attempts[id].last_ns()).max();
        let last_ns = last_ns.max(self.heard_ns.get(&group).copied());
        last_ns.is_some_and(|last_ns| last_ns.saturating_add(self.definition.expire_after_ns) <= now)
    }

    fn make_room(&mut self, now: Nanos, outputs: &mut Outputs) {
        while self.identity.groups() > JOURNEYS_MAX {
            let Some(oldest) = self.timers.least_recent() else { return };
            let names: Vec<Box<str>> =
                self.rows.get(&oldest).into_iter().flatten().map(|(name, _)| name.clone()).collect();
            self.counters.evicted += names.len() as u64;
            names.iter().for_each(|name| self.report_findings(name, Vec::new(), now, outputs));
            self.forget(oldest);
        }
    }

    fn forget(&mut self, group: GroupId) {
        for id in self.identity.forget(group) {
            self.attempts.remove(&id);
            self.touched_attempts.remove(&id);
        }
        for name in self.rows.remove(&group).into_iter().flat_map(BTreeMap::into_keys) {
            self.forget_claims(&name);
        }
        self.usual.remove(group);
        self.survival.remove(group);
        self.conflicts.remove(&group);
        self.heard_ns.remove(&group);
        self.timers.remove(group);
        self.touched.remove(&group);
    }

    fn forget_claims(&mut self, name: &str) {
        self.claims.set(name, Vec::new());
        self.claimants.remove(name);
    }
}

/// The journeys of one group as they are judged now.
struct Looked {
    parts: Vec<Part>,
    judged: Vec<(JourneyRow, Vec<Finding>, Option<Nanos>)>,
    conflicts: BTreeSet<Conflict>,
}

#[cfg(test)]
mod tests;
