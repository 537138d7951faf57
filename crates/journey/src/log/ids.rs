//! The ids at the end of a line.

use std::fmt::{self, Write};

use journey_trace::JourneyCell;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, KeyValue, Value};
use tracing::Event;

/// What the current `Context` knows, without what the event says itself.
pub(super) struct Ids<'a> {
    span: SpanContext,
    of_journey: Vec<KeyValue>,
    event: &'a Event<'a>,
}

/// How an id is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Notation {
    /// `,"key":"value"`
    Json,
    /// ` key=value`
    Text,
}

impl<'a> Ids<'a> {
    pub(super) fn of_current(event: &'a Event<'a>) -> Self {
        Context::map_current(|cx| Self {
            span: cx.span().span_context().clone(),
            of_journey: JourneyCell::of(cx).map(JourneyCell::attributes).unwrap_or_default(),
            event,
        })
    }

    pub(super) fn write(&self, notation: Notation, line: &mut String) -> fmt::Result {
        if self.span.is_valid() {
            self.one(notation, line, "trace_id", &self.span.trace_id().to_string().into())?;
            self.one(notation, line, "span_id", &self.span.span_id().to_string().into())?;
        }
        self.of_journey.iter().try_for_each(|id| self.one(notation, line, id.key.as_str(), &id.value))
    }

    fn one(&self, notation: Notation, line: &mut String, key: &str, value: &Value) -> fmt::Result {
        if self.event.metadata().fields().field(key).is_some() {
            return Ok(());
        }
        match (notation, value) {
            (Notation::Text, value) => write!(line, " {key}={value}"),
            (Notation::Json, Value::Bool(value)) => write!(line, ",\"{key}\":{value}"),
            (Notation::Json, value) => {
                write!(line, ",\"{key}\":{}", serde_json::Value::from(value.as_str().as_ref()))
            }
        }
    }
}
