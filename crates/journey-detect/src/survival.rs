//! How long stages and waits last, where nothing says how long they may: Kaplan and Meier's estimate (1958), in which
//! what still runs counts for as long as it has run, or a slow phase would hide itself.
//!
//! A limit is one and a half times the time that less than one in two hundred outlives.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::identity::GroupId;
use crate::limits::SURVIVORS_MIN;
use crate::{Definition, Nanos, StageId};

/// What lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lasting {
    /// The work of a stage that sends no beats.
    Work(StageId),
    /// The time from the end of a step of this stage to the next step of the journey.
    Wait(StageId),
}

/// What one group of journeys says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lasted {
    /// What is over, and how long it lasted.
    pub(crate) over: Vec<(Lasting, Nanos)>,
    /// What goes on, and since when; without what is told as stuck.
    pub(crate) open: Vec<(Lasting, Nanos)>,
}

/// The curves of all stages.
#[derive(Debug)]
pub(crate) struct Survival {
    /// Work and wait of each stage, by its place.
    curves: Vec<[Curve; 2]>,
    of_group: HashMap<GroupId, Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// Curve and bucket.
    over: Box<[(Lasting, u16)]>,
    open: Box<[(Lasting, Nanos)]>,
}

#[derive(Debug, Default)]
struct Curve {
    /// How many lasted how long, by bucket.
    over: BTreeMap<u16, u64>,
    count: u64,
    open: BTreeSet<(Nanos, GroupId)>,
    /// With how many it is reckoned again.
    reckon_at: u64,
    limit_ns: Option<Nanos>,
}

impl Survival {
    pub(crate) fn new(definition: &Definition) -> Self {
        let curves = definition.stages.iter().map(|_| Default::default()).collect();
        Self { curves, of_group: HashMap::new() }
    }

    /// How long this may last before it is taken for stuck; `None` while too little is known.
    pub(crate) fn limit_ns(&self, what: Lasting) -> Option<Nanos> {
        self.curve(what).limit_ns
    }

    /// Counts what a group says in place of what was counted of it. Returns the groups to judge again because a limit
    /// moved.
    pub(crate) fn set(&mut self, group: GroupId, lasted: Lasted, now: Nanos) -> BTreeSet<GroupId> {
        let mut over: Box<[(Lasting, u16)]> =
            lasted.over.into_iter().map(|(what, lasted_ns)| (what, bucket(lasted_ns))).collect();
        over.sort_unstable();
        let open: Box<[(Lasting, Nanos)]> = lasted.open.into();
        if self.of_group.get(&group).is_some_and(|known| known.over == over && known.open == open) {
            return BTreeSet::new();
        }
        self.remove(group);
        for (what, bucket) in &over {
            let curve = self.curve_mut(*what);
            *curve.over.entry(*bucket).or_default() += 1;
            curve.count += 1;
        }
        for (what, since_ns) in &open {
            self.curve_mut(*what).open.insert((*since_ns, group));
        }
        let changed: BTreeSet<Lasting> = over.iter().map(|(what, _)| *what).collect();
        self.of_group.insert(group, Counted { over, open });
        changed.into_iter().flat_map(|what| self.curve_mut(what).reckon(now)).collect()
    }

    /// Forgets a group.
    pub(crate) fn remove(&mut self, group: GroupId) {
        let Some(Counted { over, open }) = self.of_group.remove(&group) else { return };
        for (what, bucket) in over {
            let curve = self.curve_mut(what);
            if let Some(count) = curve.over.get_mut(&bucket) {
                *count -= 1;
                curve.count -= 1;
                if *count == 0 {
                    curve.over.remove(&bucket);
                }
            }
        }
        for (what, since_ns) in open {
            self.curve_mut(what).open.remove(&(since_ns, group));
        }
    }

    fn curve(&self, what: Lasting) -> &Curve {
        let (Lasting::Work(stage) | Lasting::Wait(stage)) = what;
        &self.curves[usize::from(stage.0)][usize::from(matches!(what, Lasting::Wait(_)))]
    }

    fn curve_mut(&mut self, what: Lasting) -> &mut Curve {
        let (Lasting::Work(stage) | Lasting::Wait(stage)) = what;
        &mut self.curves[usize::from(stage.0)][usize::from(matches!(what, Lasting::Wait(_)))]
    }
}

impl Curve {
    /// Reckons the limit again if enough came since. Returns the groups that wait under it if it moved.
    fn reckon(&mut self, now: Nanos) -> Vec<GroupId> {
        if self.count < self.reckon_at.max(SURVIVORS_MIN) {
            return Vec::new();
        }
        self.reckon_at = self.count + self.count / 16;
        let limit_ns = self.outlived_by_few(now).map(|limit| (limit as f64 * 1.5) as Nanos);
        if std::mem::replace(&mut self.limit_ns, limit_ns) == limit_ns {
            return Vec::new();
        }
        self.open.iter().map(|(_, group)| *group).collect()
    }

    /// The time that less than one in two hundred outlives.
    fn outlived_by_few(&self, now: Nanos) -> Option<Nanos> {
        let mut open: Vec<Nanos> =
            self.open.iter().map(|(since_ns, _)| now.saturating_sub(*since_ns)).collect();
        open.sort_unstable();
        let mut left = self.count;
        let mut surviving = 1.0;
        for (bucket, count) in &self.over {
            let longer = open.len() - open.partition_point(|open_ns| *open_ns < lower(*bucket));
            surviving *= 1.0 - *count as f64 / (left + longer as u64) as f64;
            left -= count;
            if surviving < OUTLIVED_BY {
                return Some(lower(bucket + 1));
            }
        }
        None
    }
}

/// Buckets in steps of 2 %.
fn bucket(lasted_ns: Nanos) -> u16 {
    ((lasted_ns.max(1) as f64).ln() / STEP).floor() as u16
}

/// The least duration of a bucket.
fn lower(bucket: u16) -> Nanos {
    (f64::from(bucket) * STEP).exp() as Nanos
}

/// The natural logarithm of 1.02.
const STEP: f64 = 0.019_802_627_296_179_73;

/// The share that outlives what is usual.
const OUTLIVED_BY: f64 = 0.005;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: Nanos = 1_000_000_000;
    const WORK: Lasting = Lasting::Work(StageId(0));

    fn survival() -> Survival {
        let text = "version: 1\nkeys: { o: anchor }\nstages: { a: { service: x } }\nflow: a\n";
        Survival::new(&Definition::parse(text).unwrap())
    }

    fn lasted(over: Option<Nanos>, open: Option<Nanos>) -> Lasted {
        let of = |time: Option<Nanos>| time.map(|time| (WORK, time * SECOND_NS)).into_iter().collect();
        Lasted { over: of(over), open: of(open) }
    }

    /// Scenario: a thousand durations from 1 s to 100 s; then a slow phase, in which many run for 200 s already.
    /// Guarantees: no limit from few; then one and a half times the longest; the slow phase raises or lifts it.
    #[test]
    fn what_runs_counts() {
        let mut survival = survival();
        for n in 0..1_000 {
            let group = GroupId::of(n);
            survival.set(group, lasted(Some(u64::from(n) % 100 + 1), None), 0);
            assert_eq!(survival.limit_ns(WORK).is_some(), u64::from(n) + 1 >= SURVIVORS_MIN);
        }
        let limit_s = survival.limit_ns(WORK).unwrap() / SECOND_NS;
        assert!((147..=156).contains(&limit_s), "{limit_s}");
        for n in 1_000..1_100 {
            survival.set(GroupId::of(n), lasted(None, Some(800)), 1_000 * SECOND_NS);
        }
        for n in 1_100..1_300 {
            survival.set(GroupId::of(n), lasted(Some(50), None), 1_000 * SECOND_NS);
        }
        assert_eq!(survival.limit_ns(WORK), None);
        (0..1_300).for_each(|n| survival.remove(GroupId::of(n)));
        assert!(survival.of_group.is_empty() && survival.curve(WORK).over.is_empty());
        assert_eq!((survival.curve(WORK).count, survival.curve(WORK).open.len()), (0, 0));
    }
}
