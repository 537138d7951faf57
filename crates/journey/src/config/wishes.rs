//! What the builder says.

use std::fmt;
use std::time::Duration;

use super::url;

/// What the builder says; the environment has the last word.
#[derive(Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) service: String,
    pub(crate) version: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) lane_endpoint: Option<String>,
    pub(crate) beat_interval: Option<Duration>,
    /// Rules of head sampling, as `JOURNEY_SAMPLE` has them.
    pub(crate) sample: Option<String>,
}

/// Endpoints without what may be secret in them.
impl fmt::Debug for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, version, revision, endpoint, lane_endpoint, beat_interval, sample } = self;
        f.debug_struct("Wishes")
            .field("service", service)
            .field("version", version)
            .field("revision", revision)
            .field("endpoint", &endpoint.as_deref().map(url::without_secrets))
            .field("lane_endpoint", &lane_endpoint.as_deref().map(url::without_secrets))
            .field("beat_interval", beat_interval)
            .field("sample", sample)
            .finish()
    }
}
