//! Medians.

/// The middle value; of an even number the upper one. 0 without values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: odd, even and no values, one of them far out.
    /// Guarantees: the middle is found, the outlier changes nothing.
    #[test]
    fn the_middle_is_found() {
        assert_eq!(median([3.0, 1.0, 1e9]), 3.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 3.0);
        assert_eq!(median([]), 0.0);
    }
}
