//! What keeps Journey running.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use journey_trace::lane::Dropped;
use journey_trace::limits::OPEN_STAGES_MAX;
use journey_trace::{CellCounters, JourneyCell, span};
use opentelemetry::global;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::ExportReport;
use crate::console::Console;
use crate::export::{Metrics, Pipeline};
use crate::limits::{CONSOLE_FINISH_MAX, SHUTDOWN_DEADLINE};

use super::builder::Running;

/// Keeps Journey running. When it drops, it says the last word of the process and sends what waits, for at most
/// [`SHUTDOWN_DEADLINE`].
///
/// It must outlive all work that it is to tell of. In an async `main` it drops before the runtime aborts the tasks
/// that still run, so their last stages and spans would come too late. Hence the order at the end of `main`: serve
/// until [`crate::shutdown_signal`], stop the service's own tasks and await them ([`crate::Tasks`]), return. What comes
/// too late is counted and logged. A service that has no such end asks for [`crate::Builder::on_signals`].
///
/// Afterwards the service may go on: stages run their work, and the context of callers still travels on.
#[derive(Debug)]
#[must_use = "journey stops when the guard drops: `let _journey = …`"]
pub struct Guard {
    shared: Arc<Shared>,
}

/// What runs.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) pipeline: Pipeline,
    pub(super) provider: SdkTracerProvider,
    /// With `OTEL_METRICS_EXPORTER=otlp`.
    pub(super) metrics: Option<Metrics>,
    /// With `JOURNEY_CONSOLE=1`.
    pub(super) console: Option<Console>,
    /// Held until all is stopped.
    pub(super) _running: Running,
}

/// What runs, for the guard and for whoever else may have to end it. `None` if disabled, or stopped.
#[derive(Debug)]
pub(super) struct Shared {
    parts: Mutex<Option<Parts>>,
    /// Apart from the lock, which is held for the whole of the last export: who asks must not wait for that.
    is_over: AtomicBool,
}

impl Shared {
    fn new(parts: Option<Parts>) -> Arc<Self> {
        Arc::new(Self { is_over: parts.is_none().into(), parts: Mutex::new(parts) })
    }

    /// Whether nothing runs, or runs any more. Never waits.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(SeqCst)
    }

    /// Stops, once. Whoever comes second waits for the first and is told nothing.
    pub(super) fn stop(&self) -> Option<ExportReport> {
        let mut parts = self.parts();
        let report = parts.take().map(stop);
        self.is_over.store(true, SeqCst);
        report
    }

    /// Stops, and says what was lost.
    pub(super) fn stop_and_log(&self) {
        self.stop().into_iter().for_each(log);
    }

    fn parts(&self) -> MutexGuard<'_, Option<Parts>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guard {
    pub(super) fn disabled() -> Self {
        Self { shared: Shared::new(None) }
    }

    pub(super) fn running(parts: Parts) -> Self {
        Self { shared: Shared::new(Some(parts)) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What became of signals, spans and metrics so far. All zero if disabled.
    pub fn report(&self) -> ExportReport {
        self.shared.parts().as_ref().map(|parts| parts.pipeline.tally.report()).unwrap_or_default()
    }

    /// Sends what waits, for at most `time`, and reports. Blocks the thread meanwhile.
    pub fn flush(&self, time: Duration) -> ExportReport {
        let begin = |parts: &Parts| {
            parts.metrics.iter().for_each(Metrics::collect);
            parts.pipeline.tally.clone()
        };
        // Not held while it waits: a signal must be able to end it.
        let tally = self.shared.parts().as_ref().map(begin);
        tally.map(|tally| tally.flush(Instant::now() + time)).unwrap_or_default()
    }

    /// Does what dropping does, and reports what was delivered and what was lost.
    pub fn shutdown(self) -> ExportReport {
        self.shared.stop().unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.stop_and_log();
    }
}

fn log(report: ExportReport) {
    let ExportReport { signals_lost, signals_dropped, spans_lost, metrics_lost, stages_open, .. } = report;
    if signals_lost + spans_lost + metrics_lost > 0 {
        let Dropped { beats, process, starts, ends } = signals_dropped;
        tracing::warn!(
            "journey: stopped; lost: {signals_lost} signals ({} of them dropped: {beats} beats, {process} signs of \
             life, {starts} starts, {ends} ends), {spans_lost} spans, {metrics_lost} data points",
            signals_dropped.total()
        );
    }
    let signals_late = report.signals_late;
    if stages_open + signals_late > 0 {
        tracing::warn!(
            "journey: stopped before its work: {stages_open} stages are still open, {signals_late} starts or ends \
             of stages came after the last word; stop the service's tasks before the guard drops"
        );
    }
    if report.stages_without_beats > 0 {
        tracing::warn!(
            "journey: {} stages gave no sign of life, since {OPEN_STAGES_MAX} others were open",
            report.stages_without_beats
        );
    }
    let CellCounters { conflicts, invalid_ids, refused_facets } = JourneyCell::counters();
    if conflicts + invalid_ids + refused_facets > 0 {
        tracing::warn!(
            "journey: not taken since the start of the process: {conflicts} second, different ids, {invalid_ids} texts \
             that are no id, {refused_facets} facets"
        );
    }
}

/// Producers first, so that nothing new comes while the rest is sent. The closed lane stays until then, to count what
/// comes all the same.
fn stop(parts: Parts) -> ExportReport {
    let Parts { pipeline, provider, metrics, console, _running } = parts;
    let deadline = Instant::now() + SHUTDOWN_DEADLINE;
    let lane = &pipeline.tally.lane;
    lane.last_word();
    span::uninstall();
    // A provider that was shut down gives empty ids; this one hands the caller's on.
    global::set_tracer_provider(NoopTracerProvider::new());
    if let Some(metrics) = metrics {
        metrics.stop();
    }
    if let Some(console) = console {
        console.finish(Instant::now() + CONSOLE_FINISH_MAX);
    }
    let report = pipeline.stop(deadline);
    lane.uninstall();
    // It has nothing left to do but to refuse further spans.
    let _ = provider.shutdown();
    report
}
