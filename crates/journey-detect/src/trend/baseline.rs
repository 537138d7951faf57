//! What is usual: one histogram per day of event time, and their sum.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::histogram::Histogram;
use crate::Nanos;
use crate::limits::BASELINE_DAYS_MAX;

/// A day of event time (UTC), counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub(crate) u32);

impl Day {
    /// The day of a moment.
    pub fn of(at_ns: Nanos) -> Self {
        // 2⁶⁴ ns are 213 504 days.
        Self((at_ns / NANOS_PER_DAY) as u32)
    }
}

/// The usual durations of one thing.
///
/// Values are added to and taken from their own day, so it is the same for any order of arrival.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    sum: Histogram,
    days: BTreeMap<Day, Histogram>,
}

impl Baseline {
    /// Counts a value of this day.
    pub fn learn(&mut self, day: Day, bucket: Bucket) {
        self.sum.add(bucket);
        self.days.entry(day).or_default().add(bucket);
    }

    /// Takes a value of this day out again, if it is there.
    pub fn unlearn(&mut self, day: Day, bucket: Bucket) {
        if let Some(histogram) = self.days.get_mut(&day)
            && histogram.remove(bucket)
        {
            self.sum.remove(bucket);
        }
    }

    /// Forgets the days before `oldest`, the oldest first, while `enough` values stay; and what is beyond
    /// [`BASELINE_DAYS_MAX`] days in any case.
    pub fn forget_before(&mut self, oldest: Day, enough: u64) {
        while let Some((day, histogram)) = self.days.first_key_value() {
            let is_spare = *day < oldest && self.sum.total() - histogram.total() >= enough;
            if !is_spare && self.days.len() <= BASELINE_DAYS_MAX {
                return;
            }
            self.sum.subtract(histogram);
            self.days.pop_first();
        }
    }

    /// All days together.
    pub fn sum(&self) -> &Histogram {
        &self.sum
    }

    /// The days and what was seen on each.
    pub fn days(&self) -> impl Iterator<Item = (Day, &Histogram)> {
        self.days.iter().map(|(day, histogram)| (*day, histogram))
    }

    /// The oldest day.
    pub fn oldest(&self) -> Option<Day> {
        self.days.first_key_value().map(|(day, _)| *day)
    }

    /// Memory behind it, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let per_day = size_of::<(Day, Histogram)>();
        self.sum.heap_bytes() + self.days.values().map(|day| per_day + day.heap_bytes()).sum::<usize>()
    }
}

const NANOS_PER_DAY: Nanos = 86_400_000_000_000;
