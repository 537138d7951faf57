//! Durations on a logarithmic scale: buckets of 2 % width, so that a value is known within 1 %.

use crate::limits::BUCKETS_MAX;

/// A bucket of the scale. Orders as the values do.
///
/// The layout is the one of DDSketch: bucket `i` holds the values in `(γ^(i-1), γ^i]` with γ = 1.01 / 0.99. Bucket 0
/// holds everything up to 1 ns, the last one everything from 292 years on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket of a value in nanoseconds. What is no number counts as 0.
    pub fn of(value_ns: f64) -> Self {
        Self::of_log(value_ns.max(1.0).ln())
    }

    /// The bucket of a value whose natural logarithm is known.
    pub fn of_log(log_ns: f64) -> Self {
        let index = (log_ns / Self::LOG_WIDTH).ceil();
        // `as` turns what is no number into 0 and cuts what is too large.
        Self((index.max(0.0) as u16).min(BUCKETS_MAX as u16 - 1))
    }

    /// The bucket at this place, if the scale has it.
    pub(crate) fn at(index: usize) -> Option<Self> {
        (index < BUCKETS_MAX).then_some(Self(index as u16))
    }

    /// Its place on the scale.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// A value in nanoseconds that is within 1 % of every value in it.
    pub fn value_ns(self) -> f64 {
        let upper = (f64::from(self.0) * Self::LOG_WIDTH).exp();
        2.0 * upper / (Self::GAMMA + 1.0)
    }

    /// How many times a value in this bucket is a value in the other one.
    pub fn ratio_to(self, other: Bucket) -> f64 {
        self.log_ratio_to(other).exp()
    }

    /// The natural logarithm of [`Bucket::ratio_to`].
    pub(crate) fn log_ratio_to(self, other: Bucket) -> f64 {
        (f64::from(self.0) - f64::from(other.0)) * Self::LOG_WIDTH
    }

    const GAMMA: f64 = 1.01 / 0.99;
    /// ln γ.
    const LOG_WIDTH: f64 = 0.020_000_666_706_669_543;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: values from 1 ns to 100 years.
    /// Guarantees: each is within 1 % of what its bucket stands for.
    #[test]
    fn a_bucket_knows_its_values_within_one_percent() {
        let mut value = 1.5;
        while value < 3.0e18 {
            let known = Bucket::of(value).value_ns();
            assert!((known / value - 1.0).abs() < 0.010_001, "{value} is known as {known}");
            value *= 1.0013;
        }
    }

    /// Scenario: nothing, less than nothing, no number, and more than there is.
    /// Guarantees: each has a bucket.
    #[test]
    fn every_value_has_a_bucket() {
        for value in [0.0, -5.0, f64::NAN] {
            assert_eq!(Bucket::of(value), Bucket(0));
        }
        assert_eq!(Bucket::of(f64::INFINITY).index(), BUCKETS_MAX - 1);
        assert!((Bucket::GAMMA.ln() - Bucket::LOG_WIDTH).abs() < 1e-15);
    }
}
