//! The line itself.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{self, Full, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogSettings;
use super::ids::{Ids, Notation};

/// One line per event: the usual text, or one JSON object, each with the ids of trace and journey at its end.
///
/// In JSON the fields of the event stand beside `timestamp`, `level` and `target`:
///
/// ```json
/// {"timestamp":"…","level":"INFO","message":"paid","target":"shop","trace_id":"4bf9…","span_id":"00f0…","order.id":"ORD-1"}
/// ```
#[derive(Debug, Clone)]
pub struct Format(Shape);

#[derive(Debug, Clone)]
enum Shape {
    Json(format::Format<Json>),
    Text(format::Format<Full>),
}

impl Format {
    /// Text, whatever the environment says.
    pub fn text() -> Self {
        Self(Shape::Text(format::Format::default()))
    }

    /// JSON, whatever the environment says. The fields of surrounding `tracing` spans are left out.
    pub fn json() -> Self {
        let format = format::Format::default().json().flatten_event(true);
        Self(Shape::Json(format.with_current_span(false).with_span_list(false)))
    }

    /// As `JOURNEY_LOG_FORMAT` of the process says. A value that init would refuse counts as not set.
    pub(super) fn of_process() -> Self {
        let environment = crate::config::Environment::of_process();
        LogSettings::read(&environment).map(|settings| settings.format).unwrap_or_else(|_| Self::text())
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.0, Shape::Json(_))
    }

    /// With the name and fields of the innermost `tracing` span under `span`. The layer's fields must be JSON for it.
    pub(super) fn with_span_fields(self) -> Self {
        match self.0 {
            Shape::Json(format) => Self(Shape::Json(format.with_current_span(true))),
            Shape::Text(_) => self,
        }
    }
}

impl<S, N> FormatEvent<S, N> for Format
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
        match &self.0 {
            Shape::Json(format) => {
                format.format_event(cx, Writer::new(&mut line), event)?;
                // The object goes on.
                line.truncate(line.trim_end_matches('\n').len().saturating_sub('}'.len_utf8()));
                Ids::of_current(event).write(Notation::Json, &mut line)?;
                line.push('}');
            }
            Shape::Text(format) => {
                let format = format.clone().with_ansi(writer.has_ansi_escapes());
                format.format_event(cx, Writer::new(&mut line), event)?;
                line.truncate(line.trim_end_matches('\n').len());
                Ids::of_current(event).write(Notation::Text, &mut line)?;
            }
        }
        writeln!(writer, "{line}")
    }
}
