//! Where each signal goes.

use crate::init::InitError;

use super::endpoint::{self, Endpoint};
use super::signal::Signal;
use super::{Environment, Wishes};

/// Where spans, metrics and the journey lane go.
#[derive(Debug, Clone)]
pub(crate) struct Destinations {
    /// `None` with `OTEL_TRACES_EXPORTER=none`: spans still propagate.
    pub(crate) traces: Option<Endpoint>,
    /// Only with `OTEL_METRICS_EXPORTER=otlp`.
    pub(crate) metrics: Option<Endpoint>,
    /// `None` with `JOURNEY_CONSOLE=1` and no endpoint: a developer's machine has no collector.
    pub(crate) lane: Option<Endpoint>,
}

impl Destinations {
    /// Environment over builder over defaults.
    ///
    /// # Errors
    /// The first variable, or value of the builder, that makes no sense.
    pub(super) fn read(environment: &Environment, wishes: &Wishes) -> Result<Self, InitError> {
        let metrics = if is_exported(environment, "OTEL_METRICS_EXPORTER", "none") {
            Some(endpoint::read(Signal::Metrics, environment, wishes)?)
        } else {
            None
        };
        if environment.is_one("JOURNEY_CONSOLE") && !has_endpoint(environment, wishes) {
            return Ok(Self { traces: None, metrics, lane: None });
        }
        let traces = endpoint::read(Signal::Traces, environment, wishes)?;
        let lane = endpoint::read_lane(environment, wishes, &traces)?;
        let is_on = is_exported(environment, "OTEL_TRACES_EXPORTER", "otlp");
        Ok(Self { traces: is_on.then_some(traces), metrics, lane: Some(lane) })
    }

    /// Whether the sampled stages are missing where the spans go, unless they are sent there too.
    pub(crate) fn are_apart(&self) -> bool {
        self.traces.as_ref().zip(self.lane.as_ref()).is_some_and(|(traces, lane)| traces.url != lane.url)
    }
}

/// `otlp` among the exporters that are asked for. Any other but `none` is warned about; alone, it leaves the default.
fn is_exported(environment: &Environment, variable: &str, default: &str) -> bool {
    let named = environment.get(variable).unwrap_or(default);
    let is_known = |name: &&str| matches!(*name, "otlp" | "none");
    let mut known =
        named.split(',').map(str::trim).map(str::to_ascii_lowercase).filter(|name| is_known(&name.as_str()));
    match known.next() {
        None => default == "otlp",
        Some(first) => first == "otlp" || known.any(|name| name == "otlp"),
    }
}

/// Whether somebody said where spans or lane go.
fn has_endpoint(environment: &Environment, wishes: &Wishes) -> bool {
    let variables =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint::LANE_ENDPOINT];
    wishes.endpoint.is_some()
        || wishes.lane_endpoint.is_some()
        || variables.iter().any(|variable| environment.get(variable).is_some())
}
