//! The normal distribution: scores of ranks, and how unlikely a deviation is.

/// Normal scores of shares, by table: the quantile of the standard normal distribution, cut at ±[`SCORE_MAX`].
#[derive(Debug, Clone)]
pub(super) struct Scores(Box<[f64]>);

/// Scores end here, so that a single value cannot raise an alarm.
pub(super) const SCORE_MAX: f64 = 3.0;

impl Scores {
    /// Fills the table.
    pub(super) fn new() -> Self {
        let mut at = -SCORE_MAX;
        let quantile = |step: usize| {
            let share = step as f64 / STEPS as f64;
            // Newton's method from the neighbour below: the steps are small, so it converges at once.
            for _ in 0..6 {
                at -= (1.0 - upper_tail(at) - share) / density(at);
                at = at.clamp(-SCORE_MAX, SCORE_MAX);
            }
            at
        };
        Self((0..=STEPS).map(quantile).collect())
    }

    /// The score of the value below which `share` of the others lie, 0.0 to 1.0.
    pub(super) fn of(&self, share: f64) -> f64 {
        let place = share.clamp(0.0, 1.0) * STEPS as f64;
        let step = (place as usize).min(STEPS - 1);
        let (low, high) = (self.0[step], self.0[step + 1]);
        low + (high - low) * (place - step as f64)
    }
}

impl Default for Scores {
    fn default() -> Self {
        Self::new()
    }
}

/// The chance of a standard normal value above `z`. Relative error below 1e-12 up to z = 37.
pub(super) fn upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    if z < 3.0 {
        // Φ(z) − 1/2 = φ(z) · (z + z³/3 + z⁵/(3·5) + …)
        let mut term = z;
        let mut sum = z;
        for step in 1..TERMS {
            term *= z * z / (2 * step + 1) as f64;
            sum += term;
        }
        return (0.5 - density(z) * sum).max(0.0);
    }
    // Laplace's continued fraction: φ(z) / (z + 1/(z + 2/(z + 3/…))).
    let fraction = (1..TERMS).rev().fold(z, |below, step| z + step as f64 / below);
    density(z) / fraction
}

/// The chance of `count` or more events where `expected` are expected (Poisson).
pub(super) fn poisson_tail(count: u64, expected: f64) -> f64 {
    // From the count on each term is smaller than the one before by expected / step.
    let log_factorial: f64 = (1..=count).map(|step| (step as f64).ln()).sum();
    let mut term = (count as f64 * expected.max(f64::MIN_POSITIVE).ln() - expected - log_factorial).exp();
    if count as f64 <= expected {
        // Not unusual at all; the sum below would be long.
        return 1.0;
    }
    let mut tail = 0.0;
    let mut step = count as f64;
    while term > tail * f64::EPSILON {
        tail += term;
        step += 1.0;
        term *= expected / step;
    }
    f64::min(tail, 1.0)
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

/// Steps of the table: at ±3 neighbours differ by 0.06, and between them by less than 0.002 from a line.
const STEPS: usize = 4_096;
/// Terms of the series and of the fraction.
const TERMS: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the tail at places that tables of the normal distribution list.
    /// Guarantees: it is right to nine digits.
    #[test]
    fn tails_are_right() {
        let known = [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (1.959_963_984_540_054, 0.025),
            (3.0, 1.349_898_031_630_094_5e-3),
            (4.264_890_793_922_825, 1e-5),
            (6.0, 9.865_876_450_376_946e-10),
            (10.0, 7.619_853_024_160_525e-24),
        ];
        for (z, tail) in known {
            assert!((upper_tail(z) / tail - 1.0).abs() < 1e-9, "{z}: {} instead of {tail}", upper_tail(z));
        }
        assert!((upper_tail(-1.0) - 0.841_344_746_068_543).abs() < 1e-12);
    }

    /// Scenario: 10 events where 2 are expected, 3 where 5 are, none where none are.
    /// Guarantees: the chance of so many or more; what is not unusual has chance 1.
    #[test]
    fn rare_counts_are_rare() {
        assert!((poisson_tail(10, 2.0) / 4.649_807_5e-5 - 1.0).abs() < 1e-6);
        assert_eq!(poisson_tail(3, 5.0), 1.0);
        assert_eq!(poisson_tail(0, 0.0), 1.0);
    }

    /// Scenario: scores of shares from 0 to 1.
    /// Guarantees: the table inverts the distribution, and ends at ±3.
    #[test]
    fn scores_invert_the_distribution() {
        let scores = Scores::new();
        for step in 1..2_000 {
            let share = f64::from(step) / 2_000.0;
            let score = scores.of(share);
            if score.abs() < SCORE_MAX - 0.01 {
                assert!((1.0 - upper_tail(score) - share).abs() < 2e-5, "{share} has score {score}");
            }
        }
        assert_eq!((scores.of(0.0), scores.of(1.0)), (-SCORE_MAX, SCORE_MAX));
    }
}
