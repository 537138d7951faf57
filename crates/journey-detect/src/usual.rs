//! How often each stage fails per order, and from how many failures on one order is in a storm.

use std::collections::BTreeSet;

use foldhash::HashMap;
use journey_model::StageOutcome;

use crate::identity::GroupId;
use crate::judge::Seen;
use crate::limits::RETRIES_MIN;
use crate::{Definition, StageId};

/// What is usual in each stage. Counted from the orders in memory, so any order of arrival gives the same counts.
#[derive(Debug)]
pub(crate) struct Usual {
    stages: Vec<Counts>,
    /// Failures by which a storm begins, by stage.
    storms_from: Vec<u32>,
    of_group: HashMap<GroupId, Box<[Tried]>>,
    /// Groups in which a stage failed often enough for a storm somewhere.
    often: BTreeSet<(StageId, GroupId)>,
}

/// How one group did in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tried {
    stage: StageId,
    failed: u32,
    /// Whether it went well at last, or some other time.
    went_well: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Groups in which the stage was tried.
    groups: u64,
    /// Failures, of each group no more than [`COUNTED_MAX`]: a storm is not to make itself usual.
    failures: u64,
    /// Groups that went well with exactly one failure, two, and so on, as long as they are no storm anywhere. One that gave
    /// up after a few does not say how often retries fail.
    exactly: [u64; BELOW_STORM],
}

impl Counts {
    fn count(&mut self, tried: Tried) {
        self.groups += 1;
        self.failures += u64::from(tried.failed.min(COUNTED_MAX));
        if let Some(exactly) = self.exactly(tried) {
            *exactly += 1;
        }
    }

    fn uncount(&mut self, tried: Tried) {
        self.groups -= 1;
        self.failures -= u64::from(tried.failed.min(COUNTED_MAX));
        if let Some(exactly) = self.exactly(tried) {
            *exactly -= 1;
        }
    }

    fn exactly(&mut self, tried: Tried) -> Option<&mut u64> {
        let place = (tried.failed as usize).checked_sub(1).filter(|_| tried.went_well)?;
        self.exactly.get_mut(place)
    }
}

impl Usual {
    pub(crate) fn new(definition: &Definition) -> Self {
        let stages = definition.stages.len();
        Self {
            stages: vec![Counts::default(); stages],
            storms_from: vec![RETRIES_MIN; stages],
            of_group: HashMap::default(),
            often: BTreeSet::new(),
        }
    }

    pub(crate) fn storms_from(&self) -> &[u32] {
        &self.storms_from
    }

    /// Counts a group's attempts in place of what was counted of it. Returns groups to judge again.
    pub(crate) fn set(&mut self, group: GroupId, attempts: &[Seen<'_>]) -> BTreeSet<GroupId> {
        let tried = tried(attempts);
        if self.of_group.get(&group).is_some_and(|known| **known == *tried) {
            return BTreeSet::new();
        }
        let before = self.of_group.remove(&group).unwrap_or_default();
        let only_in = |one: &[Tried], other: &[Tried]| -> Vec<Tried> {
            one.iter().filter(|counted| other.binary_search(counted).is_err()).copied().collect()
        };
        let (gone, come) = (only_in(&before, &tried), only_in(&tried, &before));
        gone.iter().for_each(|counted| self.take_out(group, *counted));
        for counted in &come {
            self.stages[usize::from(counted.stage.0)].count(*counted);
            if counted.failed >= RETRIES_MIN {
                self.often.insert((counted.stage, group));
            }
        }
        self.of_group.insert(group, tried.into());
        gone.iter().chain(&come).flat_map(|counted| self.reckon(counted.stage)).collect()
    }

    /// Whether a group is to be judged again when a limit moves.
    pub(crate) fn has_often(&self, group: GroupId) -> bool {
        let tried = self.of_group.get(&group).into_iter().flatten();
        tried.into_iter().any(|counted| counted.failed >= RETRIES_MIN)
    }

    /// Puts a group to rest: what was counted of it stays counted.
    pub(crate) fn rest(&mut self, group: GroupId) {
        self.of_group.remove(&group);
    }

    /// Takes a group that was put to rest back, with its attempts as they were counted.
    pub(crate) fn wake(&mut self, group: GroupId, attempts: &[Seen<'_>]) {
        self.of_group.insert(group, tried(attempts).into());
    }

    /// Forgets a group.
    pub(crate) fn remove(&mut self, group: GroupId) {
        for counted in self.of_group.remove(&group).unwrap_or_default() {
            self.take_out(group, counted);
            self.reckon(counted.stage);
        }
    }

    fn take_out(&mut self, group: GroupId, counted: Tried) {
        self.stages[usize::from(counted.stage.0)].uncount(counted);
        self.often.remove(&(counted.stage, group));
    }

    /// The groups to judge again if the stage's limit moved.
    fn reckon(&mut self, stage: StageId) -> Vec<GroupId> {
        let at = usize::from(stage.0);
        let limit = storm_from(&self.stages[at]);
        if std::mem::replace(&mut self.storms_from[at], limit) == limit {
            return Vec::new();
        }
        let of_stage = (stage, GroupId::MIN)..=(stage, GroupId::MAX);
        self.often.range(of_stage).map(|(_, group)| *group).collect()
    }
}

/// The stages of these attempts, sorted, and how often each failed.
fn tried(attempts: &[Seen<'_>]) -> Vec<Tried> {
    let mut tried: Vec<Tried> = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        let Some(stage) = attempt.of else { continue };
        let at = tried.binary_search_by_key(&stage, |known| known.stage).unwrap_or_else(|at| {
            tried.insert(at, Tried { stage, failed: 0, went_well: false });
            at
        });
        tried[at].failed += u32::from(attempt.outcome == Some(StageOutcome::Failed));
        tried[at].went_well |= attempt.outcome == Some(StageOutcome::Ok);
    }
    tried
}

/// From how many failures on an order is in a storm: what comes by chance less than once in a million orders, whether
/// failures come one by one or one after the other; never below [`RETRIES_MIN`].
fn storm_from(counts: &Counts) -> u32 {
    let orders = (counts.groups + GROUPS_WITHOUT_FAILURE) as f64;
    one_by_one(counts.failures as f64 / orders).max(in_a_row(orders, &counts.exactly)).max(RETRIES_MIN)
}

/// Where failures know nothing of each other (Poisson), and this many are usual in an order.
fn one_by_one(usual: f64) -> u32 {
    let mut term = (-usual).exp();
    let mut below = 0.0;
    let mut count = 0;
    while 1.0 - below >= CHANCE_MAX {
        below += term;
        count += 1;
        term *= usual / f64::from(count);
    }
    count
}

/// Where each retry fails by the same chance p, so that n failures have the chance of one times pⁿ⁻¹: then a few orders
/// have many. What p is, those say that went well after one to four failures.
fn in_a_row(orders: f64, exactly: &[u64; BELOW_STORM]) -> u32 {
    let again: u64 = exactly[1..].iter().sum();
    let tried: u64 = exactly[..BELOW_STORM - 1].iter().sum();
    let p = (again as f64 / (tried as f64 + RETRIES_THAT_WENT_WELL)).min(AGAIN_MAX);
    let failed = exactly.iter().sum::<u64>() as f64 / orders;
    if failed <= CHANCE_MAX || p <= 0.0 {
        return 0;
    }
    1 + ((CHANCE_MAX / failed).ln() / p.ln()).ceil() as u32
}

/// The chance by which a storm may be none.
const CHANCE_MAX: f64 = 1e-6;

/// The most that a retry is taken to fail by.
const AGAIN_MAX: f64 = 0.9;

/// Retries that are taken for known from the beginning.
const RETRIES_THAT_WENT_WELL: f64 = 5.0;

/// Failures of an order that are none too many for a storm, at most.
const BELOW_STORM: usize = RETRIES_MIN as usize - 1;

/// Orders without a failure that are taken for known from the beginning: the first orders do not say what is usual.
const GROUPS_WITHOUT_FAILURE: u64 = 20;

/// Failures of one order in one stage that count for what is usual.
const COUNTED_MAX: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: stages that never fail, sometimes, and about once per order, one failure knowing nothing of the other.
    /// Guarantees: five failures are a storm, and more where failures are usual; the number is bounded.
    #[test]
    fn what_is_usual_is_no_storm() {
        assert_eq!([0.0, 0.1, 1.0, 3.0].map(one_by_one), [1, 5, 10, 15]);
    }

    /// Scenario: a thousand orders whose tries fail by one half, a fifth, one in a hundred; orders that fail twelve times
    /// among others that never do.
    /// Guarantees: so many failures in a row are a storm as come less than once in a million orders; storms do not make
    /// themselves usual.
    #[test]
    fn retries_that_fail_as_tries_do_are_no_storm() {
        let counts = |p: f64| {
            let exactly = [1, 2, 3, 4].map(|count| (1_000.0 * p.powi(count) * (1.0 - p)) as u64);
            let failures = (1_000.0 * (p + p * p + p * p * p)) as u64;
            Counts { groups: 1_000, failures, exactly }
        };
        assert_eq!([0.5, 0.2, 0.01].map(|p| storm_from(&counts(p))), [20, 9, 5]);
        let storms = Counts { groups: 1_000, failures: 60, exactly: [0; 4] };
        assert_eq!(storm_from(&storms), RETRIES_MIN);
    }

    /// Scenario: of a thousand orders thirty give up after three failures, as their retry policy says.
    /// Guarantees: they do not say how often a retry fails, so that a storm stays one.
    #[test]
    fn who_gives_up_says_nothing_about_retries() {
        let mut counts = Counts::default();
        for order in 0..1_000 {
            let (failed, went_well) = if order < 30 { (3, false) } else { (0, true) };
            counts.count(Tried { stage: StageId(0), failed, went_well });
        }
        assert!(storm_from(&counts) <= 6, "{}", storm_from(&counts));
    }
}
