//! The effective configuration: environment over builder over defaults.

mod batching;
mod beats;
mod destinations;
mod endpoint;
mod environment;
mod headers;
mod metrics;
mod number;
mod propagators;
mod protocol;
mod resource;
mod sampling;
mod signal;
mod span_limits;
mod tls;
mod url;
mod variables;

use std::path::Path;
use std::time::Duration;

use journey_model::Resource;

use crate::init::InitError;

pub(crate) use batching::Batching;
pub(crate) use destinations::Destinations;
pub(crate) use endpoint::Endpoint;
pub(crate) use environment::Environment;
pub(crate) use metrics::MetricExport;
pub(crate) use propagators::Propagators;
pub(crate) use protocol::{Compression, Protocol};
pub(crate) use sampling::Sampling;
pub(crate) use span_limits::SpanSize;
#[cfg(feature = "tls")]
pub(crate) use tls::Pem;
pub(crate) use tls::Tls;

/// What the builder says; the environment has the last word.
#[derive(Debug, Clone, Default)]
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

/// Everything that init needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) resource: Resource<'static>,
    pub(crate) destinations: Destinations,
    pub(crate) metrics: MetricExport,
    pub(crate) batching: Batching,
    pub(crate) span_size: SpanSize,
    pub(crate) propagators: Propagators,
    /// `JOURNEY_CONSOLE=1`: what happens is shown on the console too.
    pub(crate) console: bool,
    pub(crate) sampling: Sampling,
    pub(crate) beat_interval: Duration,
    /// Further hosts for ids, as `JOURNEY_PROPAGATE_TO` has them.
    pub(crate) propagate_to: String,
    /// One line for each `OTEL_*` variable that has no effect.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable, or value of the builder, that makes no sense.
    pub(crate) fn read(environment: &Environment, wishes: &Wishes) -> Result<Self, InitError> {
        Ok(Self {
            resource: resource::read(environment, wishes, Path::new("/"))?,
            destinations: Destinations::read(environment, wishes)?,
            metrics: MetricExport::read(environment)?,
            batching: Batching::read(environment)?,
            span_size: SpanSize::read(environment)?,
            propagators: Propagators::read(environment),
            console: environment.is_one("JOURNEY_CONSOLE"),
            sampling: sampling::read(environment, wishes)?,
            beat_interval: beats::read(environment, wishes)?,
            propagate_to: environment.get("JOURNEY_PROPAGATE_TO").unwrap_or_default().to_owned(),
            warnings: variables::warnings(environment),
        })
    }

    /// Name of the service.
    pub(crate) fn service(&self) -> &str {
        self.resource.str(journey_model::attribute::SERVICE_NAME).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
