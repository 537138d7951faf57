//! Log lines that name trace and order.

use std::fmt;

use journey_trace::JourneyCell;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Logs to the console by `RUST_LOG`, default `info`, unless a subscriber is set already.
pub(crate) fn install() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).event_format(WithIds::default());
    // Fails if the service has its own subscriber; that one stays.
    let _ = tracing::subscriber::set_global_default(subscriber.with_writer(std::io::stderr).finish());
}

/// The usual line, and then `trace_id` and the ids of the journey, taken from the current OpenTelemetry `Context`.
#[derive(Debug, Default)]
struct WithIds(Format<Full>);

impl<S, N> FormatEvent<S, N> for WithIds
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        cx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(cx, Writer::new(&mut line), event)?;
        write!(writer, "{}", line.trim_end_matches('\n'))?;
        Context::map_current(|cx| write_ids(cx, &mut writer))?;
        writeln!(writer)
    }
}

fn write_ids(cx: &Context, writer: &mut Writer<'_>) -> fmt::Result {
    let span = cx.span();
    if span.span_context().is_valid() {
        write!(writer, " trace_id={}", span.span_context().trace_id())?;
    }
    let ids = JourneyCell::of(cx).map(JourneyCell::attributes).unwrap_or_default();
    ids.iter().try_for_each(|id| write!(writer, " {}={}", id.key, id.value))
}
