//! Comparison of two groups of durations by their ranks: Mann and Whitney's U, and what to make of many such tests.

use super::histogram::Histogram;
use super::normal::upper_tail;

/// How one group compares to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The chance that a value of the first group is above one of the second, ties counting half: U / (n m).
    pub superiority: f64,
    /// The chance of so much superiority if there were no difference (one-sided, normal approximation, corrected for
    /// ties and continuity).
    pub p: f64,
    /// The median of the first group as a multiple of the second one's.
    pub ratio: f64,
}

impl Comparison {
    /// Compares the first group with the second; `None` if one is empty.
    pub fn of(first: &Histogram, second: &Histogram) -> Option<Self> {
        let ratio = first.median()?.ratio_to(second.median()?);
        let (n, m) = (first.total() as f64, second.total() as f64);
        let (u, ties) = walk(first, second);
        let all = n + m;
        let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)).max(1.0));
        let above = u - n * m / 2.0 - 0.5;
        let p = if variance > 0.0 { upper_tail(above / variance.sqrt()) } else { 1.0 };
        Some(Self { superiority: u / (n * m), p, ratio })
    }
}

/// U of the first group, and the sum of t³ − t over all buckets.
fn walk(first: &Histogram, second: &Histogram) -> (f64, f64) {
    let (mut u, mut ties, mut below) = (0.0, 0.0, 0.0);
    let mut others = second.iter().peekable();
    let tie = |count: f64| count * count * count - count;
    for (bucket, count) in first.iter() {
        while let Some((_, lower)) = others.next_if(|(at, _)| *at < bucket) {
            below += f64::from(lower);
            ties += tie(f64::from(lower));
        }
        let equal = others.next_if(|(at, _)| *at == bucket).map_or(0.0, |(_, equal)| f64::from(equal));
        u += f64::from(count) * (below + equal / 2.0);
        ties += tie(f64::from(count) + equal);
        below += equal;
    }
    ties += others.map(|(_, count)| tie(f64::from(count))).sum::<f64>();
    (u, ties)
}

/// The value of Benjamini and Hochberg for `p` among `tested` tests of which `others` came out as given and all
/// further ones are taken for 1: the least false-discovery rate at which `p` is a discovery.
pub(super) fn false_discovery(p: f64, others: &[f64], tested: usize) -> f64 {
    let mut all: Vec<f64> = others.iter().copied().chain([p]).collect();
    all.sort_by(f64::total_cmp);
    let adjusted = |(place, value): (usize, &f64)| value * tested.max(all.len()) as f64 / (place + 1) as f64;
    all.iter().enumerate().filter(|(_, value)| **value >= p).map(adjusted).fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: five tests, the worked example of the method.
    /// Guarantees: a small value is multiplied by tests over place, and never exceeds a larger one's.
    #[test]
    fn false_discoveries_are_counted() {
        let close = |left: f64, right: f64| (left - right).abs() < 1e-12;
        assert!(close(false_discovery(0.01, &[], 5), 0.05));
        assert!(close(false_discovery(0.01, &[0.02, 0.03], 5), 0.05));
        assert!(close(false_discovery(0.02, &[0.01, 0.021], 5), 0.035));
        assert!(close(false_discovery(0.9, &[0.01], 5), 1.0));
    }
}
