//! Numbers in variables.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::init::InitError;

use super::Environment;

/// A whole number within `range`, which `expected` puts into words.
pub(super) fn whole(
    environment: &Environment,
    variable: &str,
    range: RangeInclusive<usize>,
    expected: &'static str,
) -> Result<Option<usize>, InitError> {
    let Some(text) = environment.get(variable) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| InitError::value(variable, text, expected))
}

/// Milliseconds, from 1 to an hour.
pub(super) fn millis(
    environment: &Environment,
    variable: &str,
    default: Duration,
) -> Result<Duration, InitError> {
    let millis = whole(environment, variable, 1..=MILLIS_MAX, "milliseconds, from 1 to 3600000")?;
    Ok(millis.map_or(default, |millis| Duration::from_millis(millis as u64)))
}

/// Milliseconds, up to an hour; 0 is 1, since nothing here happens more often.
pub(super) fn millis_or_at_once(
    environment: &Environment,
    variable: &str,
    default: Duration,
) -> Result<Duration, InitError> {
    let millis = whole(environment, variable, 0..=MILLIS_MAX, "milliseconds, from 0 to 3600000")?;
    Ok(millis.map_or(default, |millis| Duration::from_millis(millis.max(1) as u64)))
}

const MILLIS_MAX: usize = 3_600_000;
