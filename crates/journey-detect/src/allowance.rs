//! How long a silence may last: a span of time, or working days.

use std::fmt;

use chrono::{DateTime, Datelike, Utc};

/// A moment in nanoseconds since the Unix epoch, or a duration in nanoseconds.
pub type Nanos = u64;

/// How long a silence may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// This many nanoseconds.
    Elapsed(Nanos),
    /// This many days from Monday to Friday, UTC.
    WorkingDays(u64),
}

impl Allowance {
    /// The moment at which a silence that began at `since` has lasted too long.
    pub fn after(self, since: Nanos) -> Nanos {
        match self {
            Allowance::Elapsed(nanos) => since.saturating_add(nanos),
            Allowance::WorkingDays(days) => add_working_days(since, days),
        }
    }

    /// Reads `500ms`, `15s`, `2m`, `1h`, `30d`, a bare `0`, or `3 working days`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "0" {
            return Some(Allowance::Elapsed(0));
        }
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = text.split_at(digits);
        let count: u64 = count.parse().ok()?;
        let unit_ns = match unit.trim() {
            "ms" => 1_000_000,
            "s" => SECOND_NS,
            "m" | "min" => 60 * SECOND_NS,
            "h" => 3_600 * SECOND_NS,
            "d" => DAY_NS,
            "working day" | "working days" => return Some(Allowance::WorkingDays(count)),
            _ => return None,
        };
        count.checked_mul(unit_ns).map(Allowance::Elapsed)
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Allowance::WorkingDays(1) => f.write_str("1 working day"),
            Allowance::WorkingDays(days) => write!(f, "{days} working days"),
            Allowance::Elapsed(nanos) => f.write_str(&duration(nanos)),
        }
    }
}

/// A duration as a person says it: `2m`, `1h 30m`, `450ms`.
pub(crate) fn duration(nanos: Nanos) -> String {
    let seconds = nanos / SECOND_NS;
    match seconds {
        0 => format!("{}ms", nanos / 1_000_000),
        1..60 => {
            let tenths = nanos % SECOND_NS / 100_000_000;
            if tenths == 0 { format!("{seconds}s") } else { format!("{seconds}.{tenths}s") }
        }
        60..3_600 => two_units(seconds, 60, "m", "s"),
        3_600..86_400 => two_units(seconds / 60, 60, "h", "m"),
        _ => two_units(seconds / 3_600, 24, "d", "h"),
    }
}

fn two_units(count: u64, per_unit: u64, large: &str, small: &str) -> String {
    match count % per_unit {
        0 => format!("{}{large}", count / per_unit),
        rest => format!("{}{large} {rest}{small}", count / per_unit),
    }
}

/// The time of day in UTC, `14:02:07`.
pub fn clock_time(at: Nanos) -> String {
    utc(at).format("%H:%M:%S").to_string()
}

/// The time of day in UTC, with the date if it is another day than `now`: `Thu 2026-01-08 14:02:07`.
pub(crate) fn moment(at: Nanos, now: Nanos) -> String {
    if at / DAY_NS == now / DAY_NS { clock_time(at) } else { utc(at).format("%a %F %T").to_string() }
}

fn utc(at: Nanos) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(i64::try_from(at).unwrap_or(i64::MAX))
}

fn add_working_days(since: Nanos, days: u64) -> Nanos {
    let mut at = since;
    let mut left = days;
    // What begins at a weekend counts from Monday on: of Saturday and Sunday nothing does.
    while left > 0 && !is_working_day(at) {
        at = (at / DAY_NS + 1).saturating_mul(DAY_NS);
        if at == Nanos::MAX {
            return at;
        }
    }
    while left > 0 {
        at = at.saturating_add(DAY_NS);
        if at == Nanos::MAX {
            break;
        }
        left -= u64::from(is_working_day(at));
    }
    at
}

fn is_working_day(at: Nanos) -> bool {
    utc(at).weekday().num_days_from_monday() < 5
}

const SECOND_NS: Nanos = 1_000_000_000;
const DAY_NS: Nanos = 86_400 * SECOND_NS;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each form of an allowance is read, and nonsense.
    /// Guarantees: the value, or nothing.
    #[test]
    fn forms() {
        assert_eq!(Allowance::parse("2m"), Some(Allowance::Elapsed(120 * SECOND_NS)));
        assert_eq!(Allowance::parse("50ms"), Some(Allowance::Elapsed(50_000_000)));
        assert_eq!(Allowance::parse("0"), Some(Allowance::Elapsed(0)));
        assert_eq!(Allowance::parse("3 working days"), Some(Allowance::WorkingDays(3)));
        for nonsense in ["", "m", "2", "2 fortnights", "99999999999999999999s"] {
            assert_eq!(Allowance::parse(nonsense), None, "{nonsense}");
        }
        assert_eq!(duration(5_400 * SECOND_NS), "1h 30m");
        assert_eq!(clock_time(50_527 * SECOND_NS), "14:02:07");
    }

    /// Scenario: one working day from a Thursday, a Friday, a Saturday and a Sunday afternoon.
    /// Guarantees: weekends do not count, whether the days lie before or behind them.
    #[test]
    fn working_days_skip_weekends() {
        let (thursday, friday, saturday) = (0, DAY_NS, 2 * DAY_NS);
        let monday = 4 * DAY_NS;
        assert_eq!(Allowance::WorkingDays(1).after(thursday), friday);
        assert_eq!(Allowance::WorkingDays(1).after(friday), monday);
        assert_eq!(Allowance::WorkingDays(1).after(saturday), monday + DAY_NS);
        assert_eq!(Allowance::WorkingDays(1).after(saturday + 40 * 3_600 * SECOND_NS), monday + DAY_NS);
        assert_eq!(Allowance::WorkingDays(3).after(friday), monday + 2 * DAY_NS);
    }
}
