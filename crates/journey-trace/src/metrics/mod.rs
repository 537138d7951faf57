//! OpenTelemetry metrics of the hops and of stages.
//!
//! Nothing is measured, and an atomic load is all that is spent, until [`install`] is called: init does so when
//! `OTEL_METRICS_EXPORTER` asks for metrics. Instruments are made late, so a layer that was built before works too.
//! Crates for other hops make theirs of [`Family`], [`Durations`], [`Running`] and [`Counts`].
//!
//! | metric | instrument, unit | attributes |
//! |---|---|---|
//! | `http.server.request.duration` | histogram, s | `http.request.method`, `url.scheme`, `http.route`, `http.response.status_code`, `error.type`, `network.protocol.version`, `journey.http.streamed` |
//! | `http.server.active_requests` | up-down counter, {request} | `http.request.method`, `url.scheme` |
//! | `http.client.request.duration` | histogram, s | `http.request.method`, `server.address`, `server.port`, `url.template`, `http.response.status_code`, `error.type`, `network.protocol.version` |
//! | `http.client.active_requests` | up-down counter, {request} | `http.request.method`, `server.address`, `server.port` |
//! | `journey.stage.duration` | histogram, s | `journey.stage.name`, `error.type` |
//! | `journey.stage.active` | up-down counter, {stage} | `journey.stage.name` |
//!
//! Business ids, raw paths and texts of errors are never attributes of a metric. A series that repeats costs no
//! allocation and no lock: it is bound once and then found in a table of [`crate::limits::METRIC_SERIES_MAX`] slots;
//! further series are recorded the slow way, and the SDK's own cardinality limit bounds them.

mod amounts;
mod client;
mod counts;
mod durations;
mod family;
mod install;
mod running;
mod series;
mod server;
mod stage;
mod table;

pub use amounts::Amounts;
pub use client::{ClientKey, ClientSeries, client_duration, client_request};
pub use counts::Counts;
pub use durations::Durations;
pub use family::Family;
pub use install::{install, is_installed, uninstall};
pub use running::{Active, Running};
pub use series::{Key, Labels, LabelsKey, Series};
pub use server::{ServerKey, ServerSeries, server_duration, server_request};
pub(crate) use stage::{stage_duration, stage_running};

/// Bucket boundaries, in seconds, of the
/// [HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration) and
/// messaging conventions.
pub const HTTP_BUCKETS_S: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

#[cfg(test)]
mod tests;
