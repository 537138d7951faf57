//! How often each stage fails per order, and from how many failures on one order is in a storm.

use std::collections::BTreeSet;

use foldhash::HashMap;

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
    of_group: HashMap<GroupId, Box<[(StageId, u32)]>>,
    /// Groups in which a stage failed often enough for a storm somewhere.
    often: BTreeSet<(StageId, GroupId)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Groups in which the stage was tried.
    groups: u64,
    /// Failures, of each group no more than [`COUNTED_MAX`]: a storm is not to make itself usual.
    failures: u64,
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
        let mut changed: BTreeSet<StageId> = tried.iter().map(|(stage, _)| *stage).collect();
        changed.extend(self.take_out(group));
        for (stage, failed) in &tried {
            let counts = &mut self.stages[usize::from(stage.0)];
            counts.groups += 1;
            counts.failures += u64::from((*failed).min(COUNTED_MAX));
            if *failed >= RETRIES_MIN {
                self.often.insert((*stage, group));
            }
        }
        self.of_group.insert(group, tried.into());
        changed.into_iter().flat_map(|stage| self.reckon(stage)).collect()
    }

    /// Whether a group is to be judged again when a limit moves.
    pub(crate) fn has_often(&self, group: GroupId) -> bool {
        let tried = self.of_group.get(&group).into_iter().flatten();
        tried.into_iter().any(|(_, failed)| *failed >= RETRIES_MIN)
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
        for stage in self.take_out(group) {
            self.reckon(stage);
        }
    }

    fn take_out(&mut self, group: GroupId) -> Vec<StageId> {
        let before = self.of_group.remove(&group).unwrap_or_default();
        for (stage, failed) in &before {
            let counts = &mut self.stages[usize::from(stage.0)];
            counts.groups -= 1;
            counts.failures -= u64::from((*failed).min(COUNTED_MAX));
            self.often.remove(&(*stage, group));
        }
        before.iter().map(|(stage, _)| *stage).collect()
    }

    /// The groups to judge again if the stage's limit moved.
    fn reckon(&mut self, stage: StageId) -> Vec<GroupId> {
        let at = usize::from(stage.0);
        let Counts { groups, failures } = self.stages[at];
        let limit = storm_from(failures as f64 / (groups + GROUPS_WITHOUT_FAILURE) as f64);
        if std::mem::replace(&mut self.storms_from[at], limit) == limit {
            return Vec::new();
        }
        let of_stage = (stage, GroupId::MIN)..=(stage, GroupId::MAX);
        self.often.range(of_stage).map(|(_, group)| *group).collect()
    }
}

/// The stages of these attempts, and how often each failed.
fn tried(attempts: &[Seen<'_>]) -> Vec<(StageId, u32)> {
    let mut tried: Vec<(StageId, u32)> = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        let Some(stage) = attempt.of else { continue };
        let failed = u32::from(attempt.outcome == Some(journey_model::StageOutcome::Failed));
        match tried.binary_search_by_key(&stage, |(known, _)| *known) {
            Ok(at) => tried[at].1 += failed,
            Err(at) => tried.insert(at, (stage, failed)),
        }
    }
    tried
}

/// The least number of failures that comes by chance less than once in a million orders (Poisson), where this many are
/// usual; never below [`RETRIES_MIN`].
fn storm_from(usual: f64) -> u32 {
    let mut term = (-usual).exp();
    let mut below = 0.0;
    let mut count = 0;
    while count < RETRIES_MIN || 1.0 - below >= 1e-6 {
        below += term;
        count += 1;
        term *= usual / f64::from(count);
    }
    count
}

/// Orders without a failure that are taken for known from the beginning: the first orders do not say what is usual.
const GROUPS_WITHOUT_FAILURE: u64 = 20;

/// Failures of one order in one stage that count for what is usual.
const COUNTED_MAX: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: stages that never fail, sometimes, and about once per order.
    /// Guarantees: five failures are a storm, and more where failures are usual; the number is bounded.
    #[test]
    fn what_is_usual_is_no_storm() {
        assert_eq!([0.0, 0.1, 1.0, 3.0].map(storm_from), [5, 5, 10, 15]);
    }
}
