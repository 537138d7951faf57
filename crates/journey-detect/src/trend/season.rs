//! What the hour and the day of the week explain of durations: a machine that is busy each morning is not slower than
//! usual each morning.
//!
//! Mean log durations by hour of the week (UTC), taken apart into hours of the day, days of the week, and the rest. Each
//! part is used once it was seen often enough to be no chance, and shrunk by what chance leaves of it (empirical Bayes).
//! The first day of an alarm counts too: what comes each day is no fault. What lasts for longer is put aside, and counts
//! only once such an alarm comes again. Older days weigh less, by their date alone.
//!
//! The first days are judged without it.

use super::alarm::Alarm;
use super::baseline::Day;
use super::histogram::Histogram;
use crate::Nanos;

/// The rhythm of one series.
#[derive(Debug, Clone, Default)]
pub(super) struct Season {
    usual: Tally,
    /// What came in a lasting alarm.
    aside: Tally,
    is_aside: bool,
    last: Option<Day>,
    /// What each hour of the week adds; empty until something is known.
    offsets: Vec<f64>,
    /// What the baseline had before the rhythm was known, relative to all hours alike.
    level: Option<f64>,
    /// The hours that were known then: others that come later move nothing.
    reference: Vec<usize>,
}

impl Season {
    /// Takes a log duration in event order. `alarm` is the one that is up, `known` the baseline as learnt until now.
    pub(super) fn learn(&mut self, at_ns: Nanos, log: f64, alarm: Option<&Alarm>, known: &Histogram) {
        let today = Day::of(at_ns);
        if self.last.replace(today).is_some_and(|last| last < today) {
            self.turn_day(known);
        }
        let is_lasting = |alarm: &Alarm| {
            alarm.paged_at_ns.is_some() && at_ns.saturating_sub(alarm.since_ns) >= 24 * NANOS_PER_HOUR
        };
        let was_aside = std::mem::replace(&mut self.is_aside, alarm.is_some_and(is_lasting));
        if self.is_aside && !was_aside {
            // It came again, so it is part of the rhythm.
            self.usual.add(&std::mem::take(&mut self.aside));
        }
        let tally = if self.is_aside { &mut self.aside } else { &mut self.usual };
        tally.count(at_ns, log);
    }

    /// The log duration as if all hours were alike.
    pub(super) fn without(&self, at_ns: Nanos, log: f64) -> f64 {
        match self.offsets.get(hour_of_week(at_ns)) {
            Some(offset) => log - offset + self.level.unwrap_or(0.0),
            None => log,
        }
    }

    /// Memory behind it, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let hours = self.usual.hours.capacity() + self.aside.hours.capacity();
        let offsets = self.offsets.capacity() + self.reference.capacity();
        hours * size_of::<(f64, f64)>() + offsets * size_of::<f64>()
    }

    fn turn_day(&mut self, known: &Histogram) {
        if self.usual.days >= DAYS_FOR_HOURS {
            self.fit(known);
        }
        self.usual.fade();
        self.aside.fade();
    }

    fn fit(&mut self, known: &Histogram) {
        let Tally { hours, squares, days, .. } = &self.usual;
        let all: f64 = hours.iter().map(|(count, _)| count).sum();
        let mean = hours.iter().map(|(_, sum)| sum).sum::<f64>() / all.max(1.0);
        let mut left = Left {
            hours: hours.iter().map(|(count, sum)| (*count, sum - count * mean)).collect(),
            variance: (squares / all.max(1.0) - mean * mean).max(VARIANCE_MIN),
        };
        let mut offsets = left.take(|hour| hour % 24, 24);
        if *days >= DAYS_FOR_WEEKDAYS {
            add(&mut offsets, &left.take(|hour| hour / 24, 7));
        }
        if *days >= DAYS_FOR_BOTH {
            add(&mut offsets, &left.take(|hour| hour, HOURS));
        }
        // Relative to all hours alike: how many values each has differs from day to day, and is no reason to move.
        if self.level.is_none() {
            self.reference = (0..HOURS).filter(|hour| hours[*hour].0 > 0.0).collect();
        }
        let of_reference = self.reference.iter().map(|hour| offsets[*hour]);
        let centre = of_reference.sum::<f64>() / self.reference.len().max(1) as f64;
        if self.level.is_none() && offsets.iter().any(|offset| *offset != 0.0) {
            // What was learnt until now was learnt as it came.
            self.level = Some(known.mean_log().map_or(0.0, |known| known - mean - centre));
        }
        offsets.iter_mut().for_each(|offset| *offset -= centre);
        self.offsets = if self.level.is_some() { offsets } else { Vec::new() };
    }
}

/// Log durations by hour of the week.
#[derive(Debug, Clone, Default)]
struct Tally {
    /// Number and sum; empty before the first value.
    hours: Vec<(f64, f64)>,
    /// Sum of the squares of all.
    squares: f64,
    /// On how many days.
    days: u32,
    last: Option<Day>,
}

impl Tally {
    fn count(&mut self, at_ns: Nanos, log: f64) {
        self.hours.resize(HOURS, (0.0, 0.0));
        let (count, sum) = &mut self.hours[hour_of_week(at_ns)];
        *count += 1.0;
        *sum += log;
        self.squares += log * log;
        let today = Day::of(at_ns);
        self.days += u32::from(self.last.replace(today) != Some(today));
    }

    fn add(&mut self, other: &Tally) {
        for ((count, sum), (more, of_more)) in self.hours.iter_mut().zip(&other.hours) {
            (*count, *sum) = (*count + more, *sum + of_more);
        }
        self.squares += other.squares;
        self.days += other.days;
    }

    /// A day passed.
    fn fade(&mut self) {
        for (count, sum) in &mut self.hours {
            (*count, *sum) = (*count * KEPT_A_DAY, *sum * KEPT_A_DAY);
        }
        self.squares *= KEPT_A_DAY;
    }
}

/// What is not yet explained.
struct Left {
    /// Number and sum of the deviations from what is explained, by hour of the week.
    hours: Vec<(f64, f64)>,
    /// Of single values.
    variance: f64,
}

impl Left {
    /// Takes out what hours of the same part have in common, as far as it is no chance. Returns that by hour of the
    /// week.
    fn take(&mut self, part: impl Fn(usize) -> usize, parts: usize) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); parts];
        for (hour, (count, sum)) in self.hours.iter().enumerate() {
            let of_part = &mut sums[part(hour)];
            (of_part.0, of_part.1) = (of_part.0 + count, of_part.1 + sum);
        }
        let used = || sums.iter().filter(|(count, _)| *count > 0.0);
        let all: f64 = used().map(|(count, _)| count).sum();
        let between: f64 = used().map(|(count, sum)| sum * sum / count).sum();
        let free = used().count().saturating_sub(1) as f64;
        // The variance of the parts themselves, by the method of moments (DerSimonian and Laird).
        let excess = between - free * self.variance;
        let even = all - used().map(|(count, _)| count * count).sum::<f64>() / all.max(1.0);
        let is_chance = excess <= ERRORS * (2.0 * free).sqrt() * self.variance || even <= 0.0;
        let of_parts = if is_chance { 0.0 } else { excess / even };
        let offset = |hour: usize| {
            let (count, sum) = sums[part(hour)];
            let weight = count * of_parts;
            if weight > 0.0 { sum / count * weight / (weight + self.variance) } else { 0.0 }
        };
        let offsets: Vec<f64> = (0..self.hours.len()).map(offset).collect();
        for ((count, sum), offset) in self.hours.iter_mut().zip(&offsets) {
            *sum -= *count * offset;
        }
        self.variance = (self.variance - of_parts).max(self.variance / 10.0);
        offsets
    }
}

fn add(offsets: &mut [f64], more: &[f64]) {
    offsets.iter_mut().zip(more).for_each(|(offset, more)| *offset += more);
}

/// The hour of the week: it begins with the weekday of the Unix epoch.
fn hour_of_week(at_ns: Nanos) -> usize {
    (at_ns / NANOS_PER_HOUR % HOURS as u64) as usize
}

const NANOS_PER_HOUR: Nanos = 3_600_000_000_000;
const HOURS: usize = 168;
/// Days after which hours of the day are told apart: a fault on one of them is to be outvoted.
const DAYS_FOR_HOURS: u32 = 3;
/// Days after which days of the week are told apart: each was seen once.
const DAYS_FOR_WEEKDAYS: u32 = 8;
/// Days after which the hours of the week are told apart.
const DAYS_FOR_BOTH: u32 = 15;
/// What a day keeps of its weight with each further day: four weeks count.
const KEPT_A_DAY: f64 = 1.0 - 1.0 / 28.0;
/// The least variance of log durations: what spreads by less than one part in a hundred has no rhythm to speak of, and
/// sums of squares are not exact to that.
const VARIANCE_MIN: f64 = 1e-4;
/// Standard errors from which on a difference between hours is no chance.
const ERRORS: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// A season that has seen so many days of the hours that have a value, four values an hour.
    fn seen(season: &mut Season, days: std::ops::Range<u64>, log: impl Fn(u64) -> Option<f64>) {
        for hour in days.start * 24..days.end * 24 {
            for quarter in 0..4 {
                if let Some(log) = log(hour % 24) {
                    let at_ns = hour * NANOS_PER_HOUR + quarter * NANOS_PER_HOUR / 4;
                    season.learn(at_ns, log + 0.1 * (quarter as f64 - 1.5), None, &Histogram::default());
                }
            }
        }
    }

    /// Scenario: durations of a job that takes the same time to the nanosecond, for forty days.
    /// Guarantees: no hour explains anything.
    #[test]
    fn what_never_differs_has_no_rhythm() {
        let mut season = Season::default();
        for hour in 0..40 * 24 {
            season.learn(hour * NANOS_PER_HOUR, 23.025_850_929_940_457, None, &Histogram::default());
            let without = season.without(hour * NANOS_PER_HOUR, 23.0);
            assert!((without - 23.0).abs() < 0.01, "hour {hour}: {without}");
        }
    }

    /// Scenario: work from 8 to 18 that takes twice as long in the morning, for forty days; then at night too, where it takes
    /// a quarter of the time.
    /// Guarantees: the morning is explained, and what comes by day is the same before and after.
    #[test]
    fn hours_that_come_later_move_no_others() {
        let by_day = |hour| match hour {
            8..12 => Some(10.7),
            12..18 => Some(10.0),
            _ => None,
        };
        let mut season = Season::default();
        seen(&mut season, 0..40, by_day);
        let noon_and_morning =
            |season: &Season| [12, 8].map(|hour| season.without((40 * 24 + hour) * NANOS_PER_HOUR, 10.0));
        let [noon, morning] = noon_and_morning(&season);
        assert!((noon - morning - 0.7).abs() < 0.05, "{noon} {morning}");
        seen(&mut season, 40..60, |hour| by_day(hour).or(Some(8.6)));
        for (before, after) in [noon, morning].into_iter().zip(noon_and_morning(&season)) {
            assert!((before - after).abs() < 0.1, "{before} {after}");
        }
    }
}
