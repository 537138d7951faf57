//! Whether a stage fails more often than usual: a CUSUM of log likelihood ratios.
//!
//! Every order is learnt at once, for failures are rare and the first ones would else count against a share of nearly
//! nothing; when an alarm comes up, those since the change are taken out again.
//!
//! An order that fails again and again counts once: that is a retry storm of this order, not a burst of the stage.

use std::collections::{BTreeMap, VecDeque};

use super::alarm::Alarm;
use super::baseline::Day;
use super::config::ErrorRules;
use super::normal::poisson_tail;
use super::recent::Slots;
use crate::Nanos;
use crate::limits::{BASELINE_DAYS_MAX, FAILED_ORDERS_MAX};

/// The failures of one stage.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    /// Orders and failed ones by day: the baseline.
    days: BTreeMap<Day, Tally>,
    usual: Tally,
    sum: f64,
    since_ns: Nanos,
    /// Orders and failed ones since the sum was last 0, by day.
    held: BTreeMap<Day, Tally>,
    /// The share that fails since the change of the alarm that is up, at the least; 0 without an alarm.
    share_at_least: f64,
    /// Attempts of orders that failed last.
    failed: VecDeque<Failed>,
    pub(super) alarm: Option<Box<Alarm>>,
}

/// A failed attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) at_ns: Nanos,
    pub(super) journey: u32,
    /// Its facets.
    pub(super) slots: Slots,
}

/// Orders, and how many of them failed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    orders: u64,
    failed: u64,
}

/// What an attempt led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureStep {
    /// The alarm ended.
    Cleared,
    /// Nothing to tell.
    Nothing,
    /// The alarm was confirmed.
    Paged,
    /// An alarm came up.
    Warned,
}

impl Failures {
    /// Takes an attempt of a journey that did well, in event order. One that failed before has been counted.
    pub(super) fn take_done(&mut self, at_ns: Nanos, journey: u32, rules: &ErrorRules) -> FailureStep {
        if self.failed.iter().rev().any(|known| known.journey == journey) {
            return FailureStep::Nothing;
        }
        self.take(at_ns, false, rules)
    }

    /// Takes an attempt that failed, in event order.
    pub(super) fn take_failed(&mut self, failed: Failed, rules: &ErrorRules) -> FailureStep {
        if self.failed.iter().any(|known| known.journey == failed.journey) {
            return FailureStep::Nothing;
        }
        if self.failed.len() == FAILED_ORDERS_MAX {
            self.failed.pop_front();
        }
        self.failed.push_back(failed);
        self.take(failed.at_ns, true, rules)
    }

    /// The failed attempts since the change.
    pub(super) fn failed(&self) -> impl Iterator<Item = &Failed> {
        self.failed.iter().filter(|failed| failed.at_ns >= self.since_ns)
    }

    fn take(&mut self, at_ns: Nanos, failed: bool, rules: &ErrorRules) -> FailureStep {
        if self.usual.orders < rules.orders_known_min {
            self.learn(Day::of(at_ns), Tally::one(failed));
            return FailureStep::Nothing;
        }
        let usual = self.rate_at_most();
        let worse = rules.odds_ratio * usual / (1.0 + (rules.odds_ratio - 1.0) * usual);
        // An alarm is held against what raised it: one of nearly all would else stand long after it is over, and one of
        // few more than usual would end at once.
        let worse = if self.share_at_least > usual { self.share_at_least } else { worse };
        let step = if failed { (worse / usual).ln() } else { ((1.0 - worse) / (1.0 - usual)).ln() };
        self.sum = (self.sum + step).max(0.0);
        if self.alarm.is_none() {
            self.learn(Day::of(at_ns), Tally::one(failed));
            if self.sum == 0.0 {
                self.held.clear();
                return FailureStep::Nothing;
            }
        }
        if self.held.is_empty() {
            self.since_ns = at_ns;
        }
        self.held.entry(Day::of(at_ns)).or_default().add(Tally::one(failed));
        if self.held.len() > BASELINE_DAYS_MAX {
            self.held.pop_first();
        }
        if self.alarm.is_some() { self.go_on(at_ns, rules) } else { self.warn(at_ns, rules) }
    }

    /// Ends an alarm of which nothing was heard for long. Returns whether it did.
    pub(super) fn expire(&mut self, now: Nanos, rules: &ErrorRules) -> bool {
        let is_over = self.alarm.as_ref().is_some_and(|alarm| alarm.is_over(now, &rules.calm));
        if is_over {
            self.clear();
        }
        is_over
    }

    /// The usual share of failures, as if one order of twenty had failed before all others.
    pub(super) fn rate(&self) -> f64 {
        (self.usual.failed as f64 + 1.0) / (self.usual.orders as f64 + 20.0)
    }

    /// The share that failures are held against: where few are known, chance may have kept them few, so one standard
    /// error more.
    fn rate_at_most(&self) -> f64 {
        let failed = self.usual.failed as f64 + 1.0;
        ((failed + failed.sqrt()) / (self.usual.orders as f64 + 20.0)).min(SHARE_MAX)
    }

    /// Forgets days that are too old.
    pub(super) fn forget_before(&mut self, oldest: Day) {
        while let Some((day, tally)) = self.days.first_key_value()
            && self.alarm.is_none()
            && (*day < oldest || self.days.len() > BASELINE_DAYS_MAX)
        {
            self.usual.orders -= tally.orders;
            self.usual.failed -= tally.failed;
            self.days.pop_first();
        }
    }

    fn warn(&mut self, now: Nanos, rules: &ErrorRules) -> FailureStep {
        let tally = self.since_change();
        if self.sum < rules.warn_at || tally.failed < rules.orders_min as u64 {
            return FailureStep::Nothing;
        }
        self.unlearn_held();
        let spans = u32::try_from(tally.orders).unwrap_or(u32::MAX);
        self.alarm = Some(Box::new(Alarm::new(self.since_ns, now, spans)));
        self.judge(now, rules);
        FailureStep::Warned
    }

    fn go_on(&mut self, now: Nanos, rules: &ErrorRules) -> FailureStep {
        let is_low = self.sum < rules.warn_at / 2.0;
        if self.alarm.as_mut().is_some_and(|alarm| alarm.went_on(is_low, now, &rules.calm)) {
            self.clear();
            return FailureStep::Cleared;
        }
        if self.alarm.as_ref().is_some_and(|alarm| alarm.paged_at_ns.is_some()) {
            self.sum = self.sum.min(rules.warn_at);
            self.share_at_least = self.share_at_least.max(self.since_change().share_at_least());
            return FailureStep::Nothing;
        }
        self.judge(now, rules)
    }

    fn judge(&mut self, now: Nanos, rules: &ErrorRules) -> FailureStep {
        let tally = self.since_change();
        let usual = self.rate_at_most();
        let expected = usual * tally.orders as f64;
        let Some(alarm) = &mut self.alarm else { return FailureStep::Nothing };
        alarm.p = poisson_tail(tally.failed, expected);
        alarm.ratio = tally.failed as f64 / expected.max(f64::MIN_POSITIVE);
        alarm.orders = tally.failed as usize;
        let share = tally.share();
        self.share_at_least = self.share_at_least.max(tally.share_at_least());
        // Of what fails often anyway twice the share may be more than all; twice the odds never is.
        if alarm.p >= rules.page_below || odds(share) < rules.page_ratio * odds(usual) {
            return FailureStep::Nothing;
        }
        alarm.page(now);
        FailureStep::Paged
    }

    fn clear(&mut self) {
        if self.alarm.take().is_some_and(|alarm| alarm.paged_at_ns.is_none()) {
            self.learn_held();
        }
        self.held.clear();
        self.share_at_least = 0.0;
        self.sum = 0.0;
    }

    fn learn_held(&mut self) {
        for (day, tally) in std::mem::take(&mut self.held) {
            self.learn(day, tally);
        }
    }

    fn unlearn_held(&mut self) {
        for (day, held) in &self.held {
            if let Some(tally) = self.days.get_mut(day) {
                tally.subtract(*held);
                self.usual.subtract(*held);
            }
        }
    }

    fn learn(&mut self, day: Day, tally: Tally) {
        self.days.entry(day).or_default().add(tally);
        self.usual.add(tally);
    }

    fn since_change(&self) -> Tally {
        let mut all = Tally::default();
        self.held.values().for_each(|tally| all.add(*tally));
        all
    }
}

impl Tally {
    fn one(failed: bool) -> Self {
        Self { orders: 1, failed: u64::from(failed) }
    }

    fn share(self) -> f64 {
        (self.failed as f64 / self.orders.max(1) as f64).min(SHARE_MAX)
    }

    /// Of few orders the share may be large by chance.
    fn share_at_least(self) -> f64 {
        let share = self.share();
        share - ERRORS * (share * (1.0 - share) / self.orders.max(1) as f64).sqrt()
    }

    fn subtract(&mut self, other: Tally) {
        self.orders = self.orders.saturating_sub(other.orders);
        self.failed = self.failed.saturating_sub(other.failed);
    }

    fn add(&mut self, other: Tally) {
        self.orders += other.orders;
        self.failed += other.failed;
    }
}

fn odds(share: f64) -> f64 {
    share / (1.0 - share)
}

/// Where all fail, nothing could be worse.
const SHARE_MAX: f64 = 0.99;
/// By how many standard errors a share is taken for less.
const ERRORS: f64 = 2.0;
