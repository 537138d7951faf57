//! Moments in the report's words.

use std::time::SystemTime;

use serde::Serializer;

/// Seconds from one moment to another, negative if the clock was set back between them.
pub(super) fn seconds(from: SystemTime, to: SystemTime) -> f64 {
    to.duration_since(from).map_or_else(|early| -early.duration().as_secs_f64(), |late| late.as_secs_f64())
}

/// The time of day, UTC.
pub(super) fn clock(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()[11..19].to_owned()
}

/// For serde: a moment as RFC 3339.
pub(crate) fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*at))
}

/// For serde: a moment as RFC 3339, or null.
pub(crate) fn rfc3339_option<S: Serializer>(
    at: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}
