//! Durations of work whose size is known, as if all of it had the usual size.
//!
//! A regression of log duration on log size, by sums that later values only add to. Its slope is taken over at the
//! [`SIZES_LEARNT_MIN`]-th value and whenever the number of values has doubled since, so that a baseline is not
//! pulled along with every value. The usual size stays the one of the beginning: a new slope then moves no duration of
//! usual size.

use crate::limits::SIZES_LEARNT_MIN;

/// What size explains of the durations of one stage.
#[derive(Debug, Clone, Default)]
pub(super) struct SizeTrend {
    n: f64,
    sum_x: f64,
    sum_y: f64,
    sum_xx: f64,
    sum_xy: f64,
    /// The slope in use, the usual log size, and how many values it rests on.
    line: Option<(f64, f64, f64)>,
}

impl SizeTrend {
    /// Learns from one value: its log size and log duration.
    pub(super) fn learn(&mut self, log_size: f64, log_duration: f64) {
        self.n += 1.0;
        self.sum_x += log_size;
        self.sum_y += log_duration;
        self.sum_xx += log_size * log_size;
        self.sum_xy += log_size * log_duration;
        let due = self.line.map_or(SIZES_LEARNT_MIN as f64, |(_, _, n)| 2.0 * n);
        if self.n >= due {
            let usual = self.line.map_or(self.sum_x / self.n, |(_, usual, _)| usual);
            self.line = Some((self.slope(), usual, self.n));
        }
    }

    /// The log duration that work of usual size would have taken; `None` until enough is known.
    pub(super) fn normalised(&self, log_size: f64, log_duration: f64) -> Option<f64> {
        self.line.map(|(slope, usual, _)| log_duration - slope * (log_size - usual))
    }

    /// More work never takes less time, and hardly more than its cube: what says so is chance.
    fn slope(&self) -> f64 {
        let variance = self.sum_xx - self.sum_x * self.sum_x / self.n;
        let covariance = self.sum_xy - self.sum_x * self.sum_y / self.n;
        if variance > 1e-9 * self.n { (covariance / variance).clamp(0.0, 3.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: work that takes 3 ms per unit to the power 1.5, in sizes from 1 to 1000.
    /// Guarantees: once learnt, all sizes take as long as the usual one, and before that nothing is said.
    #[test]
    fn size_is_taken_out() {
        let mut trend = SizeTrend::default();
        let duration = |size: f64| (3e6 * size.powf(1.5)).ln();
        let sizes = (1..=2 * SIZES_LEARNT_MIN).map(|step| ((step * 37 % 1_000 + 1) as f64).ln());
        let mut known = Vec::new();
        for log_size in sizes {
            known.extend(trend.normalised(log_size, duration(log_size.exp())));
            trend.learn(log_size, duration(log_size.exp()));
        }
        assert_eq!(known.len(), SIZES_LEARNT_MIN);
        assert!(known.iter().all(|value| (value - known[0]).abs() < 1e-6));
    }

    /// Scenario: all work has one size.
    /// Guarantees: durations stay as they are.
    #[test]
    fn one_size_explains_nothing() {
        let mut trend = SizeTrend::default();
        (0..SIZES_LEARNT_MIN).for_each(|step| trend.learn(2.0, step as f64));
        assert_eq!(trend.normalised(2.0, 5.0), Some(5.0));
        assert_eq!(trend.normalised(4.0, 5.0), Some(5.0));
    }
}
