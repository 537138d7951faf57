//! The trend detectors in the engine: what they are given, up to when, and what people are told of it.
//!
//! # Up to when
//! A look judges samples up to `now` less [`crate::trend::TrendConfig::lateness_ns`] while the analyzer sees. While it is
//! blind it may read a backlog that `now` is far ahead of: then the latest end that came stands for `now`. In a replay
//! `now` is the last event time.
//!
//! # What is told
//! Trends of one alert that came together are one cause, and a cause is one alert, from its first trend to the end of its
//! last. Its labels are those of the trend that was confirmed first, or warned of first while none is confirmed; its
//! text says which stand now. [`Outputs::trends`] has each of them.

use std::collections::BTreeMap;

use foldhash::HashSet;

use super::judging::Subject;
use super::samples::Judged;
use super::trend_alert;
use crate::flow::Branches;
use crate::identity::{GroupId, Identity};
use crate::judge::Standing;
use crate::told::Told;
use crate::trend::{TrendAlert, TrendCounters, TrendFinding, Trends};
use crate::{
    Allowance, AttemptId, Definition, Finding, FindingKey, Nanos, Outputs, Sight, StageDefinition, StageKind,
    StartWithin,
};

/// The trend detectors, and what is told of them.
#[derive(Debug)]
pub(super) struct Trending {
    trends: Trends,
    branches: Branches,
    /// Attempts that ended and were not observed yet; each is in memory.
    ended: HashSet<AttemptId>,
    /// The latest end that was observed.
    latest_ns: Nanos,
    /// Whether the last look was blind: then waiting alone makes nothing due.
    is_blind: bool,
    /// The alerts that stand.
    alerts: BTreeMap<FindingKey, Alert>,
    /// What came until now was stored before a restart, or sent meanwhile: what differs from what was told then is told
    /// once the analyzer sees.
    is_restored: bool,
}

/// An alert that stands.
#[derive(Debug)]
struct Alert {
    finding: Finding,
    /// The cause that it tells, and the places that its text names; `None` of one that stood before a restart.
    says: Option<(Cause, Vec<String>)>,
}

/// Trends that came together: their alert, and when the first of them was warned of.
type Cause = (TrendAlert, Nanos);

impl Trending {
    /// Detectors that know nothing yet.
    pub(super) fn new(definition: &Definition) -> Self {
        let mut config = definition.trends.clone().with_facets(definition.facets.iter().cloned());
        let people = definition.stages.iter().filter(|stage| waits_for_people(stage));
        config.people = people.map(|stage| stage.name.to_string()).collect();
        Self {
            trends: Trends::new(config),
            branches: Branches::of(&definition.flow, definition.stages.len()),
            ended: HashSet::default(),
            latest_ns: 0,
            is_blind: true,
            alerts: BTreeMap::new(),
            is_restored: false,
        }
    }

    /// An alert that stood before a restart.
    pub(super) fn restore(&mut self, finding: Finding) {
        self.alerts.insert(finding.key.clone(), Alert { finding, says: None });
    }

    /// What is placed until the next look was stored.
    pub(super) fn note_restored(&mut self) {
        self.is_restored = true;
    }

    /// Notes that the end of an attempt came.
    pub(super) fn note_ended(&mut self, attempt: AttemptId) {
        self.ended.insert(attempt);
    }

    /// An attempt left memory.
    pub(super) fn forget(&mut self, attempt: AttemptId) {
        self.ended.remove(&attempt);
    }

    /// Takes what a journey says, each time it was judged and something of it had changed that ended at `from_ns` or
    /// later: what a sample says rests on what ended before.
    pub(super) fn take(
        &mut self,
        definition: &Definition,
        identity: &Identity,
        subject: &Subject<'_>,
        standings: &[Standing],
        from_ns: Nanos,
    ) {
        let Subject { group, name, attempts, .. } = *subject;
        let Self { trends, branches, ended, latest_ns, .. } = self;
        let judged = Judged { branches, journey: name, attempts, standings };
        for (at, attempt) in attempts.iter().enumerate() {
            let Some(end_ns) = attempt.end_ns.filter(|end_ns| *end_ns >= from_ns) else { continue };
            let is_new = ended.contains(&attempt.id);
            if !is_new && !trends.is_waiting(attempt.id) {
                continue;
            }
            if !speaks(definition, identity, group, name, attempt.id) {
                continue;
            }
            ended.remove(&attempt.id);
            *latest_ns = end_ns.max(*latest_ns);
            judged.sample(at, |sample| if is_new { trends.observe(sample) } else { trends.amend(sample) });
        }
    }

    /// Judges what has waited long enough, and tells what changed.
    pub(super) fn advance(
        &mut self,
        sight: Sight,
        now: Nanos,
        grace_ns: Nanos,
        told: &mut Told,
        outputs: &mut Outputs,
    ) {
        self.is_blind = sight == Sight::Blind;
        let known_ns = match sight {
            Sight::Blind => now.min(self.latest_ns),
            Sight::Seeing { .. } => now,
        };
        if self.is_restored && self.is_blind {
            // What stood stands until all that was sent meanwhile has come.
            self.trends.advance(known_ns);
            return;
        }
        self.judge(known_ns, (now, grace_ns), told, outputs);
    }

    /// Judges all that waits: nothing will come any more.
    pub(super) fn conclude(&mut self, now: Nanos, grace_ns: Nanos, told: &mut Told, outputs: &mut Outputs) {
        self.judge(Nanos::MAX, (now, grace_ns), told, outputs);
    }

    /// What the detectors counted.
    pub(super) fn counters(&self) -> TrendCounters {
        self.trends.counters()
    }

    /// When to judge though nothing comes.
    pub(super) fn next_ns(&self) -> Option<Nanos> {
        let due_ns = self.trends.next_ns().filter(|_| !self.is_blind)?;
        Some(due_ns.div_ceil(STEP_NS).saturating_mul(STEP_NS))
    }

    fn judge(
        &mut self,
        known_ns: Nanos,
        (now, grace_ns): (Nanos, Nanos),
        told: &mut Told,
        outputs: &mut Outputs,
    ) {
        let changes = self.trends.advance(known_ns);
        if std::mem::take(&mut self.is_restored) {
            // Told before; what differs from what stood then is told now.
        } else if changes.is_empty() {
            return;
        } else {
            outputs.trends.extend(changes);
        }
        self.tell((now, grace_ns), told, outputs);
    }

    /// Brings the alerts up to date: one for each cause that stands.
    fn tell(&mut self, (now, grace_ns): (Nanos, Nanos), told: &mut Told, outputs: &mut Outputs) {
        let causes = causes(&self.trends);
        let stands = |alert: &Alert| causes.iter().any(|(cause, trends)| alert.is_of(*cause, trends));
        let before = std::mem::take(&mut self.alerts);
        let (mut known, mut over): (BTreeMap<_, _>, BTreeMap<_, _>) =
            before.into_iter().partition(|(_, alert)| stands(alert));
        for (cause, trends) in &causes {
            let Some(finding) = trend_alert::alert(trends) else { continue };
            let own = known.iter().find(|(_, alert)| alert.is_of(*cause, trends)).map(|(key, _)| key.clone());
            let own = own.and_then(|key| known.remove(&key));
            let is_loud_enough =
                own.as_ref().is_some_and(|own| own.finding.key.severity <= finding.key.severity);
            let is_taken = self.alerts.contains_key(&finding.key) || known.contains_key(&finding.key);
            let alert = match own {
                Some(own) if is_loud_enough || is_taken => own,
                None if is_taken => continue,
                own => {
                    // What takes another's place comes first, so that an alert does not go for a moment.
                    let alert = over.remove(&finding.key).unwrap_or_else(|| {
                        told.raise(finding.clone(), now, grace_ns, outputs);
                        let says = Some((*cause, trend_alert::places(trends)));
                        Alert { finding: finding.clone(), says }
                    });
                    if let Some(own) = own {
                        told.clear(&own.finding, now, outputs);
                    }
                    alert
                }
            };
            let alert = alert.saying(*cause, trends, &finding, told, outputs);
            self.alerts.insert(alert.finding.key.clone(), alert);
        }
        over.into_values().for_each(|gone| told.clear(&gone.finding, now, outputs));
    }
}

impl Alert {
    /// Whether it tells this cause. One that stood before a restart is known by its labels.
    fn is_of(&self, cause: Cause, trends: &[&TrendFinding]) -> bool {
        match &self.says {
            Some((known, _)) => *known == cause,
            None => {
                let severity = self.finding.key.severity;
                trends.iter().any(|trend| FindingKey { severity, ..trend.label_key() } == self.finding.key)
            }
        }
    }

    /// The same with a text about what stands now.
    fn saying(
        mut self,
        cause: Cause,
        trends: &[&TrendFinding],
        finding: &Finding,
        told: &mut Told,
        outputs: &mut Outputs,
    ) -> Self {
        let says = Some((cause, trend_alert::places(trends)));
        if self.says.is_some() && self.says != says {
            self.finding.summary = finding.summary.clone();
            told.update(&self.finding, outputs);
        }
        Self { says, ..self }
    }
}

/// The trends that stand by their cause, those that were confirmed or warned of first before the others.
fn causes(trends: &Trends) -> BTreeMap<Cause, Vec<&TrendFinding>> {
    let mut causes: BTreeMap<Cause, Vec<&TrendFinding>> = BTreeMap::new();
    for trend in trends.standing() {
        causes.entry((trend.key.alert, trend.cause_ns)).or_default().push(trend);
    }
    for trends in causes.values_mut() {
        trends.sort_by_cached_key(|trend| {
            (trend.paged_at_ns.unwrap_or(Nanos::MAX), trend.warned_at_ns, trend.key.clone())
        });
    }
    causes
}

/// Whether a person is waited for before the stage begins: who limits such a wait counts in working days.
fn waits_for_people(stage: &StageDefinition) -> bool {
    let is_in_days = |limit: &Allowance| matches!(limit, Allowance::WorkingDays(_));
    let is_limited_in_days = match &stage.start_within {
        StartWithin::After(list) => list.iter().any(|(_, limit)| is_in_days(limit)),
        StartWithin::Any(limit) => is_in_days(limit),
        StartWithin::Unlimited => false,
    };
    stage.kind == StageKind::Human || is_limited_in_days
}

/// Whether of all journeys that hold an attempt this one speaks for it: the one of the least name.
fn speaks(
    definition: &Definition,
    identity: &Identity,
    group: GroupId,
    name: &str,
    attempt: AttemptId,
) -> bool {
    identity.groups_of(attempt).filter(|other| *other != group).all(|other| {
        let (parts, _) = identity.parts(definition, other);
        parts.iter().all(|other| !other.attempts.contains(&attempt) || *other.name > *name)
    })
}

/// How often waiting samples alone make a look due, in nanoseconds: a minute.
const STEP_NS: Nanos = 60_000_000_000;
