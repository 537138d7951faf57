//! Whether a stage fails more often than usual: a CUSUM of log likelihood ratios.
//!
//! An order that fails again and again counts once: that is a retry storm of this order, not a burst of the stage.

use std::collections::{BTreeMap, VecDeque};

use super::alarm::Alarm;
use super::baseline::Day;
use super::config::ErrorRules;
use super::normal::poisson_tail;
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
    /// Orders that failed last.
    failed: VecDeque<u32>,
    pub(super) alarm: Option<Box<Alarm>>,
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
    /// Takes an attempt in event order.
    pub(super) fn take(&mut self, at_ns: Nanos, journey: u32, failed: bool, rules: &ErrorRules) -> FailureStep {
        if failed && !self.is_first_failure(journey) {
            return FailureStep::Nothing;
        }
        let usual = self.rate();
        let worse = rules.odds_ratio * usual / (1.0 + (rules.odds_ratio - 1.0) * usual);
        let step = if failed { (worse / usual).ln() } else { ((1.0 - worse) / (1.0 - usual)).ln() };
        self.sum = (self.sum + step).max(0.0);
        if self.sum == 0.0 && self.alarm.is_none() {
            self.learn_held();
            self.learn(Day::of(at_ns), Tally::one(failed));
            return FailureStep::Nothing;
        }
        if self.held.is_empty() {
            self.since_ns = at_ns;
        }
        self.held.entry(Day::of(at_ns)).or_default().add(Tally::one(failed));
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

    /// The usual share of failures. While little is known, as if one order of fifty had failed.
    pub(super) fn rate(&self) -> f64 {
        (self.usual.failed as f64 + 1.0) / (self.usual.orders as f64 + 50.0)
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

    fn is_first_failure(&mut self, journey: u32) -> bool {
        if self.failed.contains(&journey) {
            return false;
        }
        if self.failed.len() == FAILED_ORDERS_MAX {
            self.failed.pop_front();
        }
        self.failed.push_back(journey);
        true
    }

    fn warn(&mut self, now: Nanos, rules: &ErrorRules) -> FailureStep {
        let tally = self.since_change();
        if self.sum < rules.warn_at || tally.failed < rules.orders_min as u64 {
            return FailureStep::Nothing;
        }
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
            return FailureStep::Nothing;
        }
        self.judge(now, rules)
    }

    fn judge(&mut self, now: Nanos, rules: &ErrorRules) -> FailureStep {
        let tally = self.since_change();
        let expected = self.rate() * tally.orders as f64;
        let Some(alarm) = &mut self.alarm else { return FailureStep::Nothing };
        alarm.p = poisson_tail(tally.failed, expected);
        alarm.ratio = tally.failed as f64 / expected;
        alarm.orders = tally.failed as usize;
        if alarm.p >= rules.page_below || alarm.ratio < rules.page_ratio {
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
        self.sum = 0.0;
    }

    fn learn_held(&mut self) {
        for (day, tally) in std::mem::take(&mut self.held) {
            self.learn(day, tally);
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

    fn add(&mut self, other: Tally) {
        self.orders += other.orders;
        self.failed += other.failed;
    }
}
