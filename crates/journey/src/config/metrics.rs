//! How often metrics are exported, and in which form.

use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use crate::init::InitError;

use super::{Destinations, Environment, number};

/// The `OTEL_METRIC_EXPORT_*` variables. They matter only if [`Destinations`] has a place for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetricExport {
    /// Time between two exports.
    pub(crate) interval: Duration,
    /// Whether counts begin at the process's start or at the last export.
    pub(crate) temporality: Temporality,
}

impl MetricExport {
    /// Default, if there is no place for metrics: what does not matter is no reason not to start.
    pub(super) fn read(environment: &Environment, destinations: &Destinations) -> Result<Self, InitError> {
        if destinations.metrics.is_none() {
            return Ok(Self { interval: INTERVAL, temporality: Temporality::Cumulative });
        }
        Ok(Self {
            interval: number::millis(environment, "OTEL_METRIC_EXPORT_INTERVAL", INTERVAL)?,
            temporality: temporality(environment),
        })
    }
}

/// Any other value is warned about and has no effect.
fn temporality(environment: &Environment) -> Temporality {
    let preference = environment.get(TEMPORALITY).unwrap_or_default();
    match preference.to_ascii_lowercase().as_str() {
        "delta" => Temporality::Delta,
        "lowmemory" => Temporality::LowMemory,
        _ => Temporality::Cumulative,
    }
}

const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

/// Default of the
/// [specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#periodic-exporting-metricreader).
const INTERVAL: Duration = Duration::from_secs(60);
