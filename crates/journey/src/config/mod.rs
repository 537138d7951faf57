//! The effective configuration: environment over builder over defaults.

mod batching;
mod beats;
mod destinations;
mod endpoint;
mod environment;
mod headers;
mod metrics;
mod number;
mod own_variables;
mod propagation;
mod protocol;
mod resource;
mod sampling;
mod service_links;
mod signal;
mod span_limits;
mod tls;
mod url;
mod variables;
mod wishes;

use std::path::Path;
use std::time::Duration;

use journey_model::Resource;

use crate::init::InitError;

pub(crate) use batching::Batching;
pub(crate) use destinations::Destinations;
pub(crate) use endpoint::Endpoint;
pub(crate) use environment::Environment;
pub(crate) use metrics::MetricExport;
pub(crate) use propagation::Propagation;
pub(crate) use protocol::{Compression, Protocol};
pub(crate) use sampling::Sampling;
pub(crate) use span_limits::SpanSize;
#[cfg(feature = "tls")]
pub(crate) use tls::Pem;
pub(crate) use tls::Tls;
use variables::Surroundings;
pub(crate) use wishes::Wishes;

/// Everything that init needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) resource: Resource<'static>,
    pub(crate) destinations: Destinations,
    pub(crate) metrics: MetricExport,
    pub(crate) batching: Batching,
    pub(crate) span_size: SpanSize,
    /// `JOURNEY_CONSOLE=1`: what happens is shown on the console too.
    pub(crate) console: bool,
    pub(crate) sampling: Sampling,
    pub(crate) beat_interval: Duration,
    pub(crate) propagation: Propagation,
    /// One line for each variable that has no effect.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable, or value of the builder, that makes no sense.
    pub(crate) fn read(environment: &Environment, wishes: &Wishes) -> Result<Self, InitError> {
        let destinations = Destinations::read(environment, wishes)?;
        let of_standard = Surroundings { environment, wishes, destinations: &destinations };
        let warnings = of_standard.warnings().chain(own_variables::warnings(environment)).collect();
        Ok(Self {
            resource: resource::read(environment, wishes, Path::new("/"))?,
            metrics: MetricExport::read(environment, &destinations)?,
            destinations,
            batching: Batching::read(environment)?,
            span_size: SpanSize::read(environment)?,
            propagation: Propagation::read(environment)?,
            console: environment.is_one("JOURNEY_CONSOLE"),
            sampling: sampling::read(environment, wishes)?,
            beat_interval: beats::read(environment, wishes)?,
            warnings,
        })
    }

    /// Name of the service.
    pub(crate) fn service(&self) -> &str {
        self.resource.str(journey_model::attribute::SERVICE_NAME).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
