//! Log lines that name trace and order, without any bridge.
//!
//! Each line ends with `trace_id` and `span_id` of the current OpenTelemetry `Context`, and with the ids that its
//! [`JourneyCell`](crate::JourneyCell) knows at that moment (`order.id`, `cart.id`, `production.id`, `user.id`, and
//! `journey.conflict` if there is one). In JSON they are flat keys of the line's object. An event that has a field
//! of the same name keeps its own.
//!
//! [`builder().init()`](crate::Builder::init) sets up such a log by itself, unless the service has set a subscriber
//! before. A service with a subscriber of its own adds [`layer()`], or gives [`format()`] to a layer of its own:
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let subscriber = tracing_subscriber::registry().with(journey::log::layer());
//! let to_a_file = tracing_subscriber::fmt::layer().event_format(journey::log::format()).with_writer(std::io::sink);
//! tracing::subscriber::with_default(subscriber.with(to_a_file), || {
//!     tracing::info!("the order is there");
//! });
//! ```

mod fields;
mod format;
mod ids;
mod install;
mod settings;

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use fields::Fields;
pub use format::Format;
pub(crate) use install::install;
pub(crate) use settings::LogSettings;

/// A layer that writes such lines to the error output, as text or JSON by `JOURNEY_LOG_FORMAT` (default `text`).
///
/// It has no filter of its own. Colours come only on a terminal, and not if `NO_COLOR` is set.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    layer_of(Format::of_process())
}

/// The format of the lines, as text or JSON by `JOURNEY_LOG_FORMAT` (default `text`), for a layer with a writer of the
/// service's own.
pub fn format() -> Format {
    Format::of_process()
}

fn layer_of<S>(format: Format) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_colourful = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt::layer()
        .fmt_fields(Fields::for_format(&format))
        .event_format(format.with_span_fields())
        .with_ansi(is_colourful)
        .with_writer(std::io::stderr)
}

#[cfg(test)]
mod tests;
