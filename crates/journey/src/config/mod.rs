//! The effective configuration: environment over builder over defaults.

mod beats;
mod endpoint;
mod environment;
mod resource;
mod sampling;
mod supported;

use std::time::Duration;

use journey_model::Resource;

use crate::init::InitError;

pub(crate) use endpoint::{Destinations, Endpoint};
pub(crate) use environment::Environment;
pub(crate) use sampling::Sampling;

/// What the builder says; the environment has the last word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) service: String,
    pub(crate) version: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) lane_endpoint: Option<String>,
    pub(crate) beat_interval: Option<Duration>,
}

/// Everything that init needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) resource: Resource<'static>,
    pub(crate) destinations: Destinations,
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
            resource: resource::read(environment, wishes)?,
            destinations: endpoint::read(environment, wishes)?,
            sampling: sampling::read(environment)?,
            beat_interval: beats::read(environment, wishes)?,
            propagate_to: environment.get("JOURNEY_PROPAGATE_TO").unwrap_or_default().to_owned(),
            warnings: supported::warnings(environment),
        })
    }

    /// Name of the service.
    pub(crate) fn service(&self) -> &str {
        self.resource.str(journey_model::attribute::SERVICE_NAME).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
