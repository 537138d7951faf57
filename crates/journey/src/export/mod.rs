//! From the two queues to the collector, on a thread of its own.
//!
//! The thread has its own current-thread runtime and suppresses telemetry of its own requests. Lane and spans are
//! sent side by side: neither waits for the other, and beats are made whether a collector answers or not.

mod answer;
mod beats;
mod bodies;
mod courier;
mod couriers;
mod lane;
mod metrics;
mod outage;
mod pipeline;
mod span_queue;
pub(crate) mod span_record;
mod spans;
mod stop;
mod tally;
mod transport;

use journey_model::attribute::SEMCONV_SCHEMA_URL;
use journey_otlp::Scope;
use journey_trace::span::SCOPE_NAME;

pub(crate) use metrics::{MetricSetup, Metrics};
pub(crate) use pipeline::{Pipeline, Setup};
pub(crate) use span_queue::{Item, SpanQueue};
pub use spans::batch_encoder;
pub use tally::ExportReport;
pub(crate) use tally::Tally;

/// Of all that we make ourselves. The lane has another schema.
const OUR_SCOPE: Scope<'static> = Scope { name: SCOPE_NAME, version: "", schema_url: SEMCONV_SCHEMA_URL };
