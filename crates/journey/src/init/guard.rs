//! What keeps Journey running.

use std::time::{Duration, Instant};

use journey_model::ProcessState;
use journey_trace::span;
use opentelemetry::global;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::ExportReport;
use crate::export::Pipeline;
use crate::limits::SHUTDOWN_DEADLINE;

use super::builder::Running;

/// Keeps Journey running. When it drops, it says the last word of the process and sends what waits, for at most
/// [`SHUTDOWN_DEADLINE`].
///
/// It must outlive all work that it is to tell of. In an async `main` it drops before the runtime aborts the tasks
/// that still run, so their last stages and spans would come too late. Hence the order at the end of `main`: serve
/// until [`crate::shutdown_signal`], stop the service's own tasks and await them ([`crate::Tasks`]), return. What comes
/// too late is counted and logged.
///
/// Afterwards the service may go on: stages run their work, and the context of callers still travels on.
#[derive(Debug)]
#[must_use = "journey stops when the guard drops: `let _journey = …`"]
pub struct Guard {
    /// `None` if disabled, or stopped.
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    pipeline: Pipeline,
    provider: SdkTracerProvider,
    /// Held until all is stopped.
    _running: Running,
}

impl Guard {
    pub(super) fn disabled() -> Self {
        Self { parts: None }
    }

    pub(super) fn running(pipeline: Pipeline, provider: SdkTracerProvider, running: Running) -> Self {
        Self { parts: Some(Parts { pipeline, provider, _running: running }) }
    }

    /// What became of signals and spans so far. All zero if disabled.
    pub fn report(&self) -> ExportReport {
        self.parts.as_ref().map(|parts| parts.pipeline.tally.report()).unwrap_or_default()
    }

    /// Sends what waits, for at most `time`, and reports. Blocks the thread meanwhile.
    pub fn flush(&self, time: Duration) -> ExportReport {
        let flush = |parts: &Parts| parts.pipeline.tally.flush(Instant::now() + time);
        self.parts.as_ref().map(flush).unwrap_or_default()
    }

    /// Does what dropping does, and reports what was delivered and what was lost.
    pub fn shutdown(mut self) -> ExportReport {
        self.parts.take().map(stop).unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            log(stop(parts));
        }
    }
}

fn log(report: ExportReport) {
    let ExportReport { signals_lost, spans_lost, stages_open, signals_late, .. } = report;
    if signals_lost + spans_lost > 0 {
        tracing::warn!("journey: stopped; lost: {signals_lost} signals, {spans_lost} spans");
    }
    if stages_open + signals_late > 0 {
        tracing::warn!(
            "journey: stopped before its work: {stages_open} stages are still open, {signals_late} starts or ends \
             of stages came after the last word; stop the service's tasks before the guard drops"
        );
    }
}

/// Producers first, so that nothing new comes while the rest is sent. The closed lane stays until then, to count what
/// comes all the same.
fn stop(parts: Parts) -> ExportReport {
    let Parts { pipeline, provider, .. } = &parts;
    let deadline = Instant::now() + SHUTDOWN_DEADLINE;
    let lane = &pipeline.tally.lane;
    lane.process(ProcessState::Stopping);
    lane.close();
    span::uninstall_tracer();
    // A provider that was shut down gives empty ids; this one hands the caller's on.
    global::set_tracer_provider(NoopTracerProvider::new());
    let report = pipeline.stop(deadline);
    lane.uninstall();
    // It has nothing left to do but to refuse further spans.
    let _ = provider.shutdown();
    report
}
