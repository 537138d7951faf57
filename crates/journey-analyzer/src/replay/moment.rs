//! A moment as the report writes it.

use std::fmt;

use chrono::DateTime;
use journey_detect::Nanos;
use serde::{Serialize, Serializer};

/// A moment of event time, written as RFC 3339 in UTC with nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(
    /// Nanoseconds since the Unix epoch.
    pub Nanos,
);

impl Moment {
    /// Reads RFC 3339, in any time zone. `None` for anything else, and for moments outside of 1970 to 2262.
    pub fn parse(text: &str) -> Option<Self> {
        let nanos = DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()?;
        nanos.try_into().ok().map(Self)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i64::try_from(self.0).unwrap_or(i64::MAX);
        write!(f, "{}", DateTime::from_timestamp_nanos(nanos).format("%Y-%m-%dT%H:%M:%S%.9fZ"))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
