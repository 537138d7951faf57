//! One thing whose durations are followed: its baseline, the sum that warns, the values since the last change.
//!
//! The score of a value is the normal score of its rank in the baseline, so the shape of the distribution does not
//! matter. Values since the sum was last 0 are held back: a change in its first stretch must not become usual. They
//! are learnt when the sum is 0 again, and never while an alarm is up; what was paged is never learnt at all.

use std::collections::VecDeque;

use super::alarm::Alarm;
use super::baseline::{Baseline, Day};
use super::bucket::Bucket;
use super::config::ChangeRules;
use super::histogram::Histogram;
use super::normal::Scores;
use super::ranks::Comparison;
use crate::Nanos;
use crate::limits::HELD_VALUES_MAX;

/// One value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) at_ns: Nanos,
    pub(crate) bucket: Bucket,
    /// Which journey, by hash.
    pub(crate) journey: u32,
}

/// What a value led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The alarm ended.
    Cleared,
    /// Nothing to tell.
    Nothing,
    /// The sum reached the bar: time to compare.
    Reached,
    /// An alarm came up.
    Warned,
}

/// The detector of one thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    baseline: Baseline,
    sum: f64,
    /// How much is asked beyond `warn_at`, after comparisons that did not confirm.
    raised_by: f64,
    since_ns: Nanos,
    /// The values since the sum was last 0: day, bucket, journey.
    held: VecDeque<(Day, Bucket, u32)>,
    last_day: Option<Day>,
    /// Event time of the first value.
    first_ns: Option<Nanos>,
    is_settled: bool,
    pub(crate) alarm: Option<Box<Alarm>>,
}

impl Cell {
    /// Takes a value in event order. `stage` is the cell of all values, of which a young one borrows the baseline.
    pub(crate) fn take(
        &mut self,
        value: Value,
        stage: Option<&Cell>,
        rules: &ChangeRules,
        scores: &Scores,
    ) -> Step {
        let score = self.score(value, stage.map(Cell::baseline), rules, scores);
        let slack = self.slack(rules);
        self.sum = score.map_or(0.0, |score| (self.sum + score - slack).max(0.0));
        if self.alarm.is_some() {
            return self.go_on(value, rules);
        }
        let day = Day::of(value.at_ns);
        if self.sum == 0.0 {
            self.learn_held();
            self.baseline.learn(day, value.bucket);
            return Step::Nothing;
        }
        self.hold(value);
        if self.sum < rules.warn_at + self.raised_by {
            return Step::Nothing;
        }
        self.warn(value, stage, rules)
    }

    /// Learns a value that came too late to be judged.
    pub(crate) fn take_late(&mut self, value: Value) {
        let day = Day::of(value.at_ns);
        if self.alarm.is_none() && self.baseline.oldest().is_none_or(|oldest| day >= oldest) {
            self.baseline.learn(day, value.bucket);
        }
    }

    /// Forgets days that are too old, once a day; while an alarm is up the baseline stays as it is.
    pub(crate) fn turn_day(&mut self, today: Day, days: u32) {
        if self.alarm.is_none() && self.last_day.replace(today).is_none_or(|last| last < today) {
            self.baseline.forget_before(Day(today.0.saturating_sub(days - 1)), BASELINE_ENOUGH);
        }
    }

    /// Compares the values since the change with the baseline.
    pub(crate) fn compare(&self, stage: Option<&Histogram>, rules: &ChangeRules) -> Option<Comparison> {
        Comparison::of(&self.since_change(), self.reference(stage, rules))
    }

    /// Takes down what a comparison said: confirmed, or not yet.
    pub(crate) fn settle(&mut self, comparison: Comparison, p: f64, now: Nanos, rules: &ChangeRules) -> bool {
        let orders = self.orders();
        let Some(alarm) = &mut self.alarm else { return false };
        (alarm.p, alarm.ratio, alarm.orders) = (p, comparison.ratio, orders);
        let is_confirmed = p < rules.page_below && comparison.ratio >= rules.ratio;
        if is_confirmed {
            alarm.page(now);
        } else {
            self.raised_by += rules.again_after;
        }
        is_confirmed
    }

    /// Ends an alarm of which nothing was heard for long. Returns whether it did.
    pub(crate) fn expire(&mut self, now: Nanos, rules: &ChangeRules) -> bool {
        let is_over = self.alarm.as_ref().is_some_and(|alarm| alarm.is_over(now, &rules.calm));
        if is_over {
            self.clear();
        }
        is_over
    }

    /// Ends an alarm that was part of another one, which is over. `is_usual`: whether the values were usual after all.
    pub(crate) fn end_with(&mut self, is_usual: bool) {
        if let Some(alarm) = &mut self.alarm {
            if !is_usual {
                alarm.paged_at_ns.get_or_insert(alarm.warned_at_ns);
            }
            self.clear();
        }
    }

    /// What is usual.
    pub(crate) fn baseline(&self) -> &Histogram {
        self.baseline.sum()
    }

    /// What is usual, day by day.
    pub(crate) fn days(&self) -> &Baseline {
        &self.baseline
    }

    /// The usual median: the own one, or the stage's while too few values are known.
    pub(crate) fn usual(&self, stage: Option<&Histogram>, rules: &ChangeRules) -> Option<Bucket> {
        self.reference(stage, rules).median()
    }

    /// The values since the change.
    pub(crate) fn since_change(&self) -> Histogram {
        let mut histogram = Histogram::default();
        self.held.iter().for_each(|(_, bucket, _)| histogram.add(*bucket));
        histogram
    }

    /// Memory behind it, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let alarm = if self.alarm.is_some() { size_of::<Alarm>() } else { 0 };
        self.baseline.heap_bytes() + self.held.capacity() * size_of::<(Day, Bucket, u32)>() + alarm
    }

    fn score(
        &mut self,
        value: Value,
        stage: Option<&Histogram>,
        rules: &ChangeRules,
        scores: &Scores,
    ) -> Option<f64> {
        let share = |all: &Histogram| (all.rank(value.bucket) + 0.5) / (all.total() as f64 + 1.0);
        let needed = rules.own_baseline_min;
        if !self.has_settled(value.at_ns, stage, needed) {
            return None;
        }
        let own = self.baseline.sum();
        if own.total() >= needed {
            return Some(scores.of(share(own)));
        }
        let stage = stage.filter(|stage| stage.total() >= needed)?;
        let weight = own.total() as f64 / needed as f64;
        Some(scores.of(weight * share(own) + (1.0 - weight) * share(stage)))
    }

    /// Whether the beginning is over. What takes days can only be seen to be short during the first of them, so
    /// nothing is judged until three times the usual duration has passed, and the first days are forgotten then.
    fn has_settled(&mut self, now: Nanos, stage: Option<&Histogram>, needed: u64) -> bool {
        let first_ns = *self.first_ns.get_or_insert(now);
        if self.is_settled {
            return true;
        }
        let known = stage.unwrap_or(self.baseline.sum());
        if known.total() < needed {
            return false;
        }
        let long_ns = known.quantile(0.95).map_or(0.0, Bucket::value_ns);
        self.is_settled = now.saturating_sub(first_ns) as f64 >= SETTLED * long_ns;
        if self.is_settled {
            self.baseline.forget_before(Day::of(first_ns.saturating_add(long_ns as Nanos)), 0);
        }
        self.is_settled
    }

    /// Whether values as long as those since the change could have ended before it: of work that takes as long as the
    /// whole recording the short pieces end first, and the others are no news.
    fn could_be_known(&self, stage: Option<&Cell>, rules: &ChangeRules) -> bool {
        let is_young = self.baseline().total() < rules.own_baseline_min;
        let first_ns = stage.filter(|_| is_young).unwrap_or(self).first_ns;
        let seen_ns = self.since_ns.saturating_sub(first_ns.unwrap_or(self.since_ns)) as f64;
        let long = self.since_change().quantile(0.95);
        long.is_none_or(|long| seen_ns >= SETTLED * long.value_ns())
    }

    fn warn(&mut self, value: Value, stage: Option<&Cell>, rules: &ChangeRules) -> Step {
        let medians = self.since_change().median().zip(self.usual(stage.map(Cell::baseline), rules));
        let ratio = medians.map_or(1.0, |(now, usual)| now.ratio_to(usual));
        if ratio < rules.ratio || !self.could_be_known(stage, rules) {
            // Beyond doubt, but too little to matter, or nothing that could have been known.
            self.raised_by += rules.again_after;
            return Step::Nothing;
        }
        let spans = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let mut alarm = Alarm::new(self.since_ns, value.at_ns, spans);
        (alarm.ratio, alarm.orders) = (ratio, self.orders());
        self.alarm = Some(Box::new(alarm));
        self.raised_by = 0.0;
        Step::Warned
    }

    /// What each score is lowered by: the centre of a small baseline may be off, and the sum would add that up with
    /// every value.
    fn slack(&self, rules: &ChangeRules) -> f64 {
        let known = self.baseline.sum().total().max(rules.own_baseline_min) as f64;
        rules.slack + rules.uncertainty / known.sqrt()
    }

    fn reached(&self, rules: &ChangeRules) -> bool {
        self.sum >= rules.page_at + self.raised_by
    }

    fn go_on(&mut self, value: Value, rules: &ChangeRules) -> Step {
        let Some(alarm) = &mut self.alarm else { return Step::Nothing };
        let is_paged = alarm.paged_at_ns.is_some();
        let is_calm = alarm.went_on(self.sum < rules.warn_at / 2.0, value.at_ns, &rules.calm);
        // So many values would have confirmed a change; rather the baseline was off, and stays so until it learns.
        let is_unfounded = !is_paged && alarm.spans as usize > HELD_VALUES_MAX;
        if is_calm || is_unfounded {
            self.clear();
            return Step::Cleared;
        }
        if is_paged {
            // A long alarm would else need as long to end.
            self.sum = self.sum.min(rules.warn_at);
        } else if self.sum == 0.0 {
            self.learn_held();
        }
        self.hold(value);
        if !is_paged && self.reached(rules) { Step::Reached } else { Step::Nothing }
    }

    /// What was never confirmed was usual after all; what was confirmed stays out of the baseline.
    fn clear(&mut self) {
        if self.alarm.take().is_some_and(|alarm| alarm.paged_at_ns.is_none()) {
            self.learn_held();
        }
        self.sum = 0.0;
        self.restart();
    }

    fn learn_held(&mut self) {
        while let Some((day, bucket, _)) = self.held.pop_front() {
            self.baseline.learn(day, bucket);
        }
        self.restart();
    }

    fn restart(&mut self) {
        self.held.clear();
        self.held.shrink_to(HELD_USUALLY);
        self.raised_by = 0.0;
    }

    fn hold(&mut self, value: Value) {
        if self.held.is_empty() {
            self.since_ns = value.at_ns;
        }
        if self.held.len() == HELD_VALUES_MAX
            && let Some((day, bucket, _)) = self.held.pop_front()
            && self.alarm.is_none()
        {
            self.baseline.learn(day, bucket);
        }
        self.held.push_back((Day::of(value.at_ns), value.bucket, value.journey));
    }

    fn orders(&self) -> usize {
        let mut journeys: Vec<u32> = self.held.iter().map(|(_, _, journey)| *journey).collect();
        journeys.sort_unstable();
        journeys.dedup();
        journeys.len()
    }

    fn reference<'a>(&'a self, stage: Option<&'a Histogram>, rules: &ChangeRules) -> &'a Histogram {
        let own = self.baseline.sum();
        match stage {
            Some(stage) if own.total() < rules.own_baseline_min && stage.total() > own.total() => stage,
            _ => own,
        }
    }
}

/// Nothing is judged before this many times the usual long duration has passed.
const SETTLED: f64 = 3.0;
/// Values for which the room is kept: after a long excursion it is given back.
const HELD_USUALLY: usize = 64;
/// Old days stay while there would be fewer values than this without them.
const BASELINE_ENOUGH: u64 = 1_000;
