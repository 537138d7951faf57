//! How often open stages beat.

use std::time::Duration;

use crate::init::InitError;
use crate::limits::{BEAT_INTERVAL_MAX, BEAT_INTERVAL_MIN};

use super::{Environment, Wishes};

/// `JOURNEY_BEAT_INTERVAL`, else the builder's, else 15 s.
pub(super) fn read(environment: &Environment, wishes: &Wishes) -> Result<Duration, InitError> {
    let Some(text) = environment.get(VARIABLE) else {
        let interval = wishes.beat_interval.unwrap_or(DEFAULT);
        return check(interval)
            .ok_or_else(|| InitError::value("beat_interval", &format!("{interval:?}"), RANGE));
    };
    humantime::parse_duration(text)
        .ok()
        .and_then(check)
        .ok_or_else(|| InitError::value(VARIABLE, text, RANGE))
}

fn check(interval: Duration) -> Option<Duration> {
    (BEAT_INTERVAL_MIN..=BEAT_INTERVAL_MAX).contains(&interval).then_some(interval)
}

const VARIABLE: &str = "JOURNEY_BEAT_INTERVAL";
const RANGE: &str = "a duration from 100ms to 1h, such as 15s";
const DEFAULT: Duration = Duration::from_secs(15);
