//! The owner of all facts: takes spans and time, re-judges what was touched or is due, says what changed.
//!
//! One owner, no locks, no clock: the caller passes `now`, hands over spans as they come and asks from time to
//! time what changed ([`Engine::look`]).

mod facts;
mod judging;
mod plains;
mod reports;
mod rest;
mod room;
mod samples;
mod trend_alert;
mod trending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use journey_model::{Resource, SpanRecord};

use crate::evidence::Claims;
use crate::flow::Automaton;
use crate::identity::{Conflict, GroupId, Identity};
use crate::instance::Instances;
use crate::limits::{BEATS_MISSED_MAX, READY_JOURNEYS_MAX, RESTING_ATTEMPTS_MAX};
use crate::names::Names;
use crate::observation::Observation;
use crate::observer::Observer;
use crate::outputs::{Counters, JourneyNames, Outputs, Refusal};
use crate::pipeline::Pipeline;
use crate::plain::Plain;
use crate::shelf::Shelf;
use crate::survival::Survival;
use crate::timers::Timers;
use crate::told::Told;
use crate::trend::TrendCounters;
use crate::usual::Usual;
use crate::{Attempt, AttemptId, Definition, Finding, Instance, Nanos, Sight};
use reports::Said;
use rest::Ready;
use trending::Trending;

/// The engine.
#[derive(Debug)]
pub struct Engine {
    definition: Definition,
    automaton: Automaton,
    names: Names,
    observer: Observer,
    /// The journeys that share nothing with others.
    plains: HashMap<GroupId, Plain>,
    /// Most attempts of one of them: [`RESTING_ATTEMPTS_MAX`].
    plain_attempts_max: usize,
    /// The attempts of all other journeys, and to which they belong.
    attempts: HashMap<AttemptId, Arc<Attempt>>,
    identity: Identity,
    instances: Instances,
    /// What was last said of the journeys of each group.
    said: HashMap<GroupId, Said>,
    ready: Ready,
    /// [`READY_JOURNEYS_MAX`].
    ready_max: usize,
    shelf: Shelf,
    /// Findings that stand, by journey.
    standing: HashMap<Arc<str>, Vec<Finding>>,
    conflicts: HashMap<GroupId, BTreeSet<Conflict>>,
    /// Conflicts of groups that were joined into others.
    orphaned_conflicts: BTreeSet<Conflict>,
    claims: Claims,
    /// Groups of the journeys that claim missing steps.
    claimants: HashMap<Arc<str>, GroupId>,
    usual: Usual,
    survival: Survival,
    pipeline: Pipeline,
    trending: Trending,
    told: Told,
    timers: Timers,
    /// Whether silence proves something: what the caller says, and that not everything is silent.
    sight: Sight,
    /// When signals came again after all were silent.
    heard_again_ns: Nanos,
    first_signal_ns: Option<Nanos>,
    counters: Counters,
    touched: HashSet<GroupId>,
    /// Groups of which something was heard since the last look.
    fresh: HashSet<GroupId>,
    /// Beats since the last look of which nothing needs to be judged.
    beats: Vec<(GroupId, AttemptId)>,
    /// Journeys that attempts were stored under, until the first look.
    stored: HashMap<AttemptId, JourneyNames>,
    touched_attempts: HashSet<AttemptId>,
    touched_instances: HashSet<Arc<str>>,
    /// Journeys of groups that were joined into others, not yet reported.
    gone: BTreeSet<Arc<str>>,
}

impl Engine {
    /// An engine without facts.
    pub fn new(definition: Definition) -> Self {
        let mut names = Names::default();
        Self {
            observer: Observer::new(&definition, &mut names),
            automaton: Automaton::new(definition.net.clone()),
            usual: Usual::new(&definition),
            survival: Survival::new(&definition),
            trending: Trending::new(&definition),
            definition,
            names,
            plains: HashMap::default(),
            plain_attempts_max: RESTING_ATTEMPTS_MAX,
            attempts: HashMap::default(),
            identity: Identity::default(),
            instances: Instances::default(),
            said: HashMap::default(),
            ready: Ready::default(),
            ready_max: READY_JOURNEYS_MAX,
            shelf: Shelf::default(),
            standing: HashMap::default(),
            conflicts: HashMap::default(),
            orphaned_conflicts: BTreeSet::new(),
            claims: Claims::default(),
            claimants: HashMap::default(),
            pipeline: Pipeline::default(),
            told: Told::default(),
            timers: Timers::default(),
            sight: Sight::Blind,
            heard_again_ns: 0,
            first_signal_ns: None,
            counters: Counters::default(),
            touched: HashSet::default(),
            fresh: HashSet::default(),
            beats: Vec::new(),
            stored: HashMap::default(),
            touched_attempts: HashSet::default(),
            touched_instances: HashSet::default(),
            gone: BTreeSet::new(),
        }
    }

    /// An engine with facts that were stored: attempts with the names of their journeys, sorted, as [`Outputs`] gave
    /// them.
    /// The first look re-judges all of them and reports what differs.
    pub fn restore(
        definition: Definition,
        attempts: impl IntoIterator<Item = (Arc<Attempt>, JourneyNames)>,
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
                match finding.is_trend() {
                    true => engine.trending.restore(finding),
                    false if finding.orders.is_none() => engine.pipeline.restore(finding),
                    false => {}
                }
                continue;
            }
            engine.standing.entry((&*finding.key.order).into()).or_default().push(finding);
        }
        for (attempt, journeys) in attempts {
            engine.stored.insert(attempt.id, journeys);
            engine.file(attempt);
        }
        // What is stored is known; only what the first look changes is news, and nothing was heard just now.
        engine.touched_attempts.clear();
        engine.fresh.clear();
        engine.trending.note_restored();
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

    /// What the trend detectors counted.
    pub fn trend_counters(&self) -> TrendCounters {
        self.trending.counters()
    }

    /// Journeys in memory.
    pub fn journeys(&self) -> usize {
        self.plains.len() + self.identity.groups() + self.shelf.len()
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
        match self.observer.observe(&self.definition, &mut self.names, resource, span) {
            Observation::Irrelevant => self.counters.irrelevant += 1,
            Observation::Malformed => {
                self.counters.malformed += 1;
                return Err(Refusal::Malformed);
            }
            Observation::Process(signal) => {
                self.counters.process_signals += 1;
                let text = |key| resource.str(key).unwrap_or_default();
                let id = self.names.get(text(journey_model::attribute::SERVICE_INSTANCE_ID));
                let service = self.names.get(text(journey_model::attribute::SERVICE_NAME));
                self.instances.signal(&id, &service, &signal);
                self.pipeline.note(&id, signal.at_ns, false);
                self.touched_instances.insert(id);
                self.claims.note_holes(&service);
            }
            Observation::Stage(attempt, numbered) => {
                self.note_instance(&attempt, numbered);
                return self.take(*attempt);
            }
        }
        Ok(())
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
            self.touched.extend(self.said.keys());
            if sight != Sight::Blind {
                self.touched.extend(self.shelf.take_unseen());
            }
        }
        self.touched.extend(self.timers.take_due(now));
        if self.sight != Sight::Blind {
            self.touched.extend(self.survival.take_due(now));
        }
        self.wake_due(now);
        self.make_room(now, &mut outputs);
        self.take_beats(now, &mut outputs);
        for group in std::mem::take(&mut self.fresh) {
            self.first_signal_ns.get_or_insert(now);
            self.said.entry(group).or_default().heard_ns = now;
        }
        let mut looked = BTreeMap::new();
        self.judge_touched(now, &mut looked);
        // What is usual, and what is excused, depends on other orders too.
        self.judge_touched(now, &mut looked);
        for name in self.claims.serve(&self.instances) {
            if let Some(group) = self.claimants.get(&*name).copied() {
                self.judge_group(group, now, &mut looked);
            }
        }
        self.report_conflicts(&looked, &mut outputs);
        let mut single = Vec::new();
        for (group, looked) in looked {
            if looked.parts.len() == 1 {
                single.push(group);
            }
            self.report_group(group, looked, now, &mut outputs);
        }
        if !std::mem::take(&mut self.stored).is_empty() || self.said.is_empty() {
            self.clear_orphans(now, &mut outputs);
        }
        for name in std::mem::take(&mut self.gone) {
            self.report_gone(name, now, &mut outputs);
        }
        self.trending.advance(sight, now, self.grace_ns(), &mut self.told, &mut outputs);
        self.told.advance(now, &mut outputs);
        for given_up in self.identity.give_up_waiting(now, self.definition.expire_after_ns) {
            self.give_up(given_up);
        }
        self.report_waiting(&mut outputs);
        single.into_iter().for_each(|group| self.take_back(group));
        self.put_to_rest();
        let mut instances: Vec<Arc<str>> = self.touched_instances.drain().collect();
        instances.sort_unstable();
        outputs.instances.extend(instances.iter().filter_map(|id| self.instances.get(id)).cloned());
        outputs
    }

    /// Judges the trends of all that came, for nothing will come any more: a recording is over.
    pub fn conclude(&mut self, now: Nanos) -> Outputs {
        let mut outputs = Outputs::default();
        self.trending.conclude(now, self.grace_ns(), &mut self.told, &mut outputs);
        outputs
    }

    /// When a look is due though nothing came, in nanoseconds since the Unix epoch.
    pub fn next_look_ns(&mut self) -> Option<Nanos> {
        let survival = self.survival.next_ns().filter(|_| self.sight != Sight::Blind);
        let journeys = [self.timers.next(), self.shelf.next_ns(), survival];
        let others = [self.told.next_ns(), self.pipeline.next_ns(), self.trending.next_ns()];
        journeys.into_iter().chain(others).flatten().min()
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
}

#[cfg(test)]
mod tests;
