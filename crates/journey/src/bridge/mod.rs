//! Spans of `tracing`, as users make them by `#[instrument]`, become spans of the journey.

mod filter;
mod tracer;

use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

pub(crate) use filter::BridgeFilter;
use tracer::LateTracer;

/// A layer that makes each span of `tracing` a span of OpenTelemetry: a child of the hop or stage that it is opened
/// in, and the parent of what is opened inside.
///
/// [`builder().init()`](crate::Builder::init) adds it by itself if it sets up the log. A service with a subscriber of
/// its own adds it there; before or after init does not matter, because the tracer is looked up for each span.
///
/// * Which spans: `JOURNEY_TRACE_FILTER`, in the form of `RUST_LOG`, default `info`. It is this layer's own filter, so
///   `RUST_LOG=warn` quietens the log and deletes no span. Spans of the HTTP and AMQP libraries below us
///   (`hyper`, `h2`, `tonic`, `tower`, `reqwest`, `lapin`) are left out unless the filter names their target.
/// * What they carry: the span's fields and the ids of the journey that were known at its start. No source location, no
///   thread, no target, no level, no busy and idle times.
/// * Events stay in the log. An `error!` in a healthy span does not make it a failed one.
///
/// The ids survive every way of going on, because all contexts share one [`JourneyCell`](crate::JourneyCell): what is
/// learned inside of a span is seen outside, and the reverse.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry().with(journey::log::layer()).with(journey::bridge());
/// tracing::subscriber::with_default(subscriber, || {
///     let _entered = tracing::info_span!("choose printer", count = 3).entered();
/// });
/// ```
pub fn bridge<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    layer(BridgeFilter::of_process())
}

pub(crate) fn layer<S>(filter: BridgeFilter) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    OpenTelemetryLayer::new(LateTracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_error_events_to_status(false)
        .with_error_events_to_exceptions(false)
        .with_error_fields_to_exceptions(false)
        .with_error_records_to_exceptions(false)
        .with_filter(filter.into_filter())
}

#[cfg(all(test, feature = "testing"))]
mod tests;
