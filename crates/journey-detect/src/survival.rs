//! How long stages and waits last, where nothing says how long they may: Kaplan and Meier's estimate (1958), in which
//! what still runs counts for as long as it has run, or a slow phase would hide itself.
//!
//! A limit is one and a half times the time that less than one in two hundred outlives, and up to five times where times
//! spread widely. Where more than that never end, or too few are over to say, the time of those that did end says it, with
//! more patience: ten times.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use crate::identity::GroupId;
use crate::limits::{SURVIVORS_MANY, SURVIVORS_MIN};
use crate::{Definition, Nanos, StageId};

/// What lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lasting {
    /// The work of a stage that sends no beats.
    Work(StageId),
    /// The time from the end of a step of this stage to the next step of the journey.
    Wait(StageId),
}

impl Lasting {
    /// As a number.
    pub(crate) fn code(self) -> u64 {
        match self {
            Lasting::Work(stage) => u64::from(stage.0) << 1,
            Lasting::Wait(stage) => u64::from(stage.0) << 1 | 1,
        }
    }

    /// From a number that [`Self::code`] gave.
    pub(crate) fn of_code(code: u64) -> Self {
        let stage = StageId((code >> 1) as u16);
        if code & 1 == 0 { Lasting::Work(stage) } else { Lasting::Wait(stage) }
    }
}

/// What one group of journeys says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lasted {
    /// What is over, in the order of the steps, and how long it lasted.
    pub(crate) over: Vec<(Lasting, Length)>,
    /// What goes on, and since when; without what is told as stuck.
    pub(crate) open: Vec<(Lasting, Nanos)>,
}

impl Lasted {
    /// Adds what another journey of the group says.
    pub(crate) fn extend(&mut self, other: Self) {
        if *self == Self::default() {
            *self = other;
            return;
        }
        self.over.extend(other.over);
        self.open.extend(other.open);
    }
}

/// The curves of all stages.
#[derive(Debug)]
pub(crate) struct Survival {
    /// Work and wait of each stage, by its place.
    curves: Vec<[Curve; 2]>,
    of_group: HashMap<GroupId, Lasted>,
    next_ns: Option<Nanos>,
}

#[derive(Debug, Default)]
struct Curve {
    /// How many lasted how long.
    over: BTreeMap<Length, u64>,
    count: u64,
    open: BTreeSet<(Nanos, GroupId)>,
    /// With how many it is reckoned again.
    reckon_at: u64,
    limit_ns: Option<Nanos>,
    /// What began until then was handed out: it had lasted as long as the limit.
    handed_out_until_ns: Nanos,
}

impl Survival {
    pub(crate) fn new(definition: &Definition) -> Self {
        let curves = definition.stages.iter().map(|_| Default::default()).collect();
        Self { curves, of_group: HashMap::default(), next_ns: None }
    }

    /// How long this may last before it is taken for stuck; `None` while too little is known.
    pub(crate) fn limit_ns(&self, what: Lasting) -> Option<Nanos> {
        self.curve(what).limit_ns
    }

    /// Counts what a group says in place of what was counted of it.
    pub(crate) fn set(&mut self, group: GroupId, lasted: Lasted, now: Nanos) {
        let known = std::mem::take(self.of_group.entry(group).or_default());
        if lasted.open != known.open {
            self.close(group, &known.open);
            for (what, since_ns) in &lasted.open {
                self.curve_mut(*what).open.insert((*since_ns, group));
            }
        }
        self.count(&known.over, &lasted.over, now);
        self.of_group.insert(group, lasted);
    }

    /// The groups of which something goes on for as long as its limit, once each; to be asked while anybody sees.
    pub(crate) fn take_due(&mut self, now: Nanos) -> Vec<GroupId> {
        let curves = self.curves.iter_mut().flatten();
        let due: Vec<GroupId> = curves.flat_map(|curve| curve.hand_out(now)).collect();
        self.next_ns = self.curves.iter().flatten().filter_map(Curve::next_ns).min();
        due
    }

    /// When [`Self::take_due`] has more.
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        self.next_ns
    }

    /// Forgets a group.
    pub(crate) fn remove(&mut self, group: GroupId) {
        let Some(Lasted { over, open }) = self.of_group.remove(&group) else { return };
        over.iter().for_each(|(what, lasted)| self.curve_mut(*what).note(*lasted, true));
        self.close(group, &open);
    }

    /// Puts a group to rest: what was counted of it stays counted. Returns what that is.
    pub(crate) fn rest(&mut self, group: GroupId) -> Lasted {
        self.of_group.remove(&group).unwrap_or_default()
    }

    /// Takes a group that was put to rest back, with what was counted of it.
    pub(crate) fn wake(&mut self, group: GroupId, lasted: Lasted) {
        self.of_group.insert(group, lasted);
    }

    /// Counts one list in place of another: mostly it goes on where that one ends.
    fn count(&mut self, before: &[(Lasting, Length)], after: &[(Lasting, Length)], now: Nanos) {
        let same = before.iter().zip(after).take_while(|(old, new)| old == new).count();
        for (what, lasted) in &before[same..] {
            self.curve_mut(*what).note(*lasted, true);
        }
        for (what, lasted) in &after[same..] {
            self.curve_mut(*what).note(*lasted, false);
        }
        for (what, _) in &after[same..] {
            self.curve_mut(*what).reckon(now);
        }
    }

    fn close(&mut self, group: GroupId, open: &[(Lasting, Nanos)]) {
        for (what, since_ns) in open {
            self.curve_mut(*what).open.remove(&(*since_ns, group));
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
    /// Counts one that lasted so long, or takes it back.
    fn note(&mut self, lasted: Length, is_gone: bool) {
        let count = self.over.entry(lasted).or_default();
        if is_gone {
            (*count, self.count) = (*count - 1, self.count - 1);
            if *count == 0 {
                self.over.remove(&lasted);
            }
        } else {
            (*count, self.count) = (*count + 1, self.count + 1);
        }
    }

    /// Reckons the limit again if enough came since.
    fn reckon(&mut self, now: Nanos) {
        if self.count >= self.reckon_at.max(SURVIVORS_MIN) {
            self.reckon_at = self.count + self.count / 16;
            self.limit_ns = self.limit(now);
        }
    }

    /// What has lasted as long as the limit and was not handed out before.
    fn hand_out(&mut self, now: Nanos) -> Vec<GroupId> {
        let until_ns = self.limit_ns.and_then(|limit_ns| now.checked_sub(limit_ns));
        let Some(until_ns) = until_ns.filter(|until_ns| *until_ns > self.handed_out_until_ns) else {
            return Vec::new();
        };
        let from = (self.handed_out_until_ns + 1, GroupId::MIN);
        self.handed_out_until_ns = until_ns;
        self.open.range(from..=(until_ns, GroupId::MAX)).map(|(_, group)| *group).collect()
    }

    fn next_ns(&self) -> Option<Nanos> {
        let from = (self.handed_out_until_ns.saturating_add(1), GroupId::MIN);
        let (since_ns, _) = self.open.range(from..).next()?;
        Some(since_ns.saturating_add(self.limit_ns?))
    }

    /// How long it may last.
    fn limit(&self, now: Nanos) -> Option<Nanos> {
        let steps = self.survivors(now);
        let outlived = |survive: &dyn Fn(f64) -> f64| {
            let few = steps.iter().find(|(_, surviving)| survive(*surviving) < OUTLIVED_BY);
            few.map(|(length, _)| length.to_ns() as f64)
        };
        let half = steps.iter().find(|(_, surviving)| *surviving <= 0.5);
        let half = half.map(|(length, _)| length.to_ns() as f64);
        let usual = outlived(&|surviving| surviving)
            .map(|few| few * patience(few / half.unwrap_or(few)))
            .filter(|_| self.count >= SURVIVORS_MANY);
        // Few are over, or so many run on that the estimate never comes down to few: what went on says how long.
        let (_, run_on) = *steps.last()?;
        let went_on = || outlived(&|surviving| (surviving - run_on) / (1.0 - run_on));
        usual.or_else(|| went_on().map(|few| few * FACTOR_WHERE_UNSURE)).map(|limit_ns| limit_ns as Nanos)
    }

    /// Kaplan and Meier's estimate: the share that outlives each length.
    fn survivors(&self, now: Nanos) -> Vec<(Length, f64)> {
        let mut open: Vec<Nanos> =
            self.open.iter().map(|(since_ns, _)| now.saturating_sub(*since_ns)).collect();
        open.sort_unstable();
        let mut left = self.count;
        let mut surviving = 1.0;
        let step = |(length, count): (&Length, &u64)| {
            let longer = open.len() - open.partition_point(|open_ns| *open_ns < length.least_ns());
            surviving *= 1.0 - *count as f64 / (left + longer as u64) as f64;
            left -= count;
            (*length, surviving)
        };
        self.over.iter().map(step).collect()
    }
}

/// How many times as long as few last is too long, where that is so many times as long as half of them last. The wider
/// durations spread, the more often one is a good deal longer than all others: as often as a tail of normal logarithms
/// has it, one in ten thousand passes the limit.
fn patience(spread: f64) -> f64 {
    spread.powf(TAIL).clamp(FACTOR, FACTOR_MAX)
}

/// How long something lasted: in buckets of one part in 32 of a power of two, so in steps of 2 % to 3 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Length(u16);

impl Length {
    pub(crate) fn of(lasted_ns: Nanos) -> Self {
        let octave = lasted_ns.max(PARTS).ilog2() - PARTS.ilog2();
        let part = (lasted_ns >> octave).min(2 * PARTS - 1);
        // At most 59 octaves of 32 parts.
        Self((u64::from(octave) * PARTS + part) as u16)
    }

    /// As a number.
    pub(crate) fn code(self) -> u64 {
        self.0.into()
    }

    /// From a number that [`Self::code`] gave.
    pub(crate) fn of_code(code: u64) -> Self {
        Self(code as u16)
    }

    /// The least duration of its bucket.
    fn least_ns(self) -> Nanos {
        let (octave, part) = (u64::from(self.0) / PARTS, u64::from(self.0) % PARTS);
        match octave {
            0 => part,
            _ => (PARTS + part).checked_shl(octave as u32 - 1).unwrap_or(Nanos::MAX),
        }
    }

    /// The least duration of the next bucket.
    fn to_ns(self) -> Nanos {
        Self(self.0 + 1).least_ns()
    }
}

/// Buckets of one power of two.
const PARTS: u64 = 32;

/// The share that outlives what is usual.
const OUTLIVED_BY: f64 = 0.005;

/// How many times as long as few last is too long, at least.
const FACTOR: f64 = 1.5;

/// The same at most: a tail may go on as it likes, but nobody waits for ever.
const FACTOR_MAX: f64 = 5.0;

/// How much further one in ten thousand lies than one in two hundred, by their normal scores: 3.72 / 2.58 - 1.
const TAIL: f64 = 0.444;

/// The same where more than few run on, or few are over: neither a slow phase nor a long one among the first is to be
/// taken for stuck. However heavy the tail, so long as it has a mean, of 30 the longest is passed ten times over by less
/// than one in two hundred.
const FACTOR_WHERE_UNSURE: f64 = 10.0;

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
        let ns = |time: Nanos| time * SECOND_NS;
        Lasted {
            over: over.map(|time| (WORK, Length::of(ns(time)))).into_iter().collect(),
            open: open.map(|time| (WORK, ns(time))).into_iter().collect(),
        }
    }

    /// Scenario: a thousand durations from 1 s to 100 s in turn; then a slow phase, in which many run for 200 s already.
    /// Guarantees: no limit from very few, ten times the longest from few, then one and a half times; the slow phase
    /// raises it beyond itself.
    #[test]
    fn what_runs_counts() {
        let mut survival = survival();
        for n in 0..1_000 {
            let group = GroupId::from_number(n);
            survival.set(group, lasted(Some(n % 100 + 1), None), 0);
            let over = n + 1;
            assert_eq!(survival.limit_ns(WORK).is_some(), over >= SURVIVORS_MIN);
            assert!(over >= SURVIVORS_MANY || survival.limit_ns(WORK).is_none_or(|ns| ns >= 300 * SECOND_NS));
        }
        let limit_s = survival.limit_ns(WORK).unwrap() / SECOND_NS;
        assert!((147..=156).contains(&limit_s), "{limit_s}");
        for n in 1_000..1_100 {
            survival.set(GroupId::from_number(n), lasted(None, Some(800)), 1_000 * SECOND_NS);
        }
        for n in 1_100..1_300 {
            survival.set(GroupId::from_number(n), lasted(Some(50), None), 1_000 * SECOND_NS);
        }
        let limit_s = survival.limit_ns(WORK).unwrap() / SECOND_NS;
        assert!((980..=1_040).contains(&limit_s), "{limit_s}: ten times the longest that ended");
        (0..1_300).for_each(|n| survival.remove(GroupId::from_number(n)));
        assert!(survival.of_group.is_empty() && survival.curve(WORK).over.is_empty());
        assert_eq!((survival.curve(WORK).count, survival.curve(WORK).open.len()), (0, 0));
    }

    /// Scenario: a thousand durations that hardly spread, and a thousand of which one in two hundred lasts a hundred times
    /// as long as half of them.
    /// Guarantees: what spreads widely is waited for longer: the limit lies one and a half times, and five times, beyond
    /// what one in two hundred outlives.
    #[test]
    fn what_spreads_widely_is_waited_for_longer() {
        let limit_s = |durations: &dyn Fn(u64) -> Nanos| {
            let mut survival = survival();
            for n in 0..2_000 {
                survival.set(GroupId::from_number(n), lasted(Some(durations(n % 1_000)), None), 0);
            }
            survival.limit_ns(WORK).unwrap() / SECOND_NS
        };
        let narrow = limit_s(&|n| 100 + n % 10);
        assert!((150..=172).contains(&narrow), "{narrow}");
        let wide = limit_s(&|n| if n < 990 { 10 } else { 1_000 });
        assert!((4_900..=5_200).contains(&wide), "{wide}");
    }
}
