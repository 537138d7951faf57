//! The one span processor: ids in at the start, spans out at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journey_trace::{JourneyCell, span};
use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::console::Console;
use crate::export::{Item, Tally};
use crate::limits::SHUTDOWN_DEADLINE;
use crate::probe::Probe;

/// Stamps foreign spans with the ids their cell knows at the start, and queues ended spans. Our own spans get their
/// ids from their guard at the end, when more of them are known.
#[derive(Debug)]
pub(crate) struct JourneyProcessor {
    pub(crate) tally: Arc<Tally>,
    /// False with `OTEL_TRACES_EXPORTER=none`.
    pub(crate) exports: bool,
    /// With `JOURNEY_CONSOLE=1`.
    pub(crate) console: Option<Console>,
    /// Takes its own spans.
    pub(crate) probe: Arc<Probe>,
}

impl SpanProcessor for JourneyProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        if self.probe.is_of(span.span_context()) {
            return;
        }
        stamp(span, cx);
        if let Some(console) = &self.console
            && let Some(span) = span.exported_data()
        {
            console.span_started(&span);
        }
        #[cfg(feature = "testing")]
        crate::testing::span_started(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        if self.probe.takes(&span) {
            return;
        }
        if let Some(console) = &self.console {
            console.span_ended(&span);
        }
        #[cfg(feature = "testing")]
        crate::testing::span_ended(&span);
        if self.exports && span.span_context.is_sampled() {
            self.tally.spans.push(Item::Span(span));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let report = self.tally.flush(Instant::now() + SHUTDOWN_DEADLINE);
        match report.spans_waiting {
            0 => Ok(()),
            _ => Err(OTelSdkError::Timeout(SHUTDOWN_DEADLINE)),
        }
    }

    /// The guard has flushed before: it owns the thread.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.tally.spans.close();
        Ok(())
    }
}

/// Ids on a foreign span. Our own gets them from its guard.
pub(crate) fn stamp(span: &mut Span, cx: &Context) {
    if span::is_starting_own() {
        return;
    }
    if let Some(cell) = JourneyCell::of(cx) {
        cell.attributes().into_iter().for_each(|id| span.set_attribute(id));
    }
}
