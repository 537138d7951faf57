//! Metrics of calls and pools. Nothing is measured, and an atomic load is all that is spent, until
//! [`journey_trace::metrics::install`] is called.

mod notifications;
mod operations;
mod pools;

pub(crate) use notifications::{context_dropped, listener_lost};
pub(crate) use operations::{OperationSeries, operation};
pub(crate) use pools::{observe_pool, timed_out, used, waited};

/// Bucket boundaries, in seconds, of the
/// [conventions](https://opentelemetry.io/docs/specs/semconv/database/database-metrics/#metric-dbclientoperationduration).
const DB_BUCKETS_S: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Bucket boundaries of numbers of rows, of the same conventions.
const ROW_BUCKETS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0];
