//! Which capture a span or stage belongs to.
//!
//! By the `Context` that it starts in, if that derives from the capture's; else, beyond a hop, by its trace, or by
//! a link to a trace of the capture where an edge begins a new one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journey_model::{Signal, SpanRecord, attribute};
use journey_trace::lane::{Lane, LaneConfig};
use journey_trace::{ContextExt, JourneyCell};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{Span, SpanData};

use super::captured::{Captured, CapturedSpan, span_id, trace_id};
use super::recording::Recording;
use super::{provider, recording_of};

/// A capture that is going on.
pub(super) struct Registered(Arc<Recording>);

/// Begins a capture, and gives the `Context` for its work.
pub(super) fn register() -> (Registered, Context) {
    provider::ensure();
    let recording = Arc::new(Recording::default());
    active().push(recording.clone());
    COUNT.fetch_add(1, Relaxed);
    let lane = lane();
    let of_lane = Arc::downgrade(&recording);
    lane.on_record(move |record| {
        if let Some(recording) = of_lane.upgrade() {
            record_signal(record, |_, _| Some(recording.clone()));
        }
    });
    // As a layer gives its request one: what the code sets of the order shows on what comes after.
    let cx = Context::new().with_cell(JourneyCell::new()).with_lane(lane).with_value(recording.clone());
    (Registered(recording), cx)
}

impl Registered {
    pub(super) fn recording(&self) -> &Arc<Recording> {
        &self.0
    }

    /// Ends the capture.
    pub(super) fn finish(self) -> Captured {
        self.0.take()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        active().retain(|other| !Arc::ptr_eq(other, &self.0));
        COUNT.fetch_sub(1, Relaxed);
    }
}

/// A lane for stages of a test: keeps every trace, and tells of open stages.
pub(super) fn lane() -> Arc<Lane> {
    Lane::new(LaneConfig { beat_interval: None, root_sampler: Arc::new(|_| true) })
}

/// A span processor saw the start of a span, in this `Context`.
pub(crate) fn span_started(span: &Span, cx: &Context) {
    if COUNT.load(Relaxed) == 0 {
        return;
    }
    // Only a span that is recorded has it.
    let Some(span) = span.exported_data() else { return };
    let links: Vec<TraceId> = span.links.iter().map(|link| link.span_context.trace_id()).collect();
    let of_context = recording_of(cx).filter(|recording| is_active(recording)).cloned();
    let of_trace = || find(span.span_context.trace_id(), &links);
    if let Some(recording) = of_context.or_else(of_trace) {
        recording.begin(span.span_context.trace_id(), span.span_context.span_id());
    }
}

/// A span processor saw the end of a span.
pub(crate) fn span_ended(span: &SpanData) {
    let recording = having_open(span.span_context.span_id());
    if let Some(recording) = recording {
        recording.end(CapturedSpan::of_span(span));
    }
}

/// A record joins the lane of the process: beyond a hop, stages report there.
pub(crate) fn signal(record: &SpanRecord<'_>) {
    record_signal(record, find);
}

/// `find` names the capture that a new stage belongs to.
fn record_signal(record: &SpanRecord<'_>, find: impl FnOnce(TraceId, &[TraceId]) -> Option<Arc<Recording>>) {
    let trace = trace_id(record.trace_id);
    match record.str(attribute::JOURNEY_SIGNAL).and_then(Signal::parse) {
        Some(Signal::Start) => {
            let links: Vec<TraceId> = record.links.iter().map(|link| trace_id(link.trace_id)).collect();
            if let (Some(recording), Some(stage)) = (find(trace, &links), record.parent_span_id) {
                recording.begin(trace, span_id(stage));
            }
        }
        Some(Signal::End) => {
            if let Some(recording) = having_open(span_id(record.span_id)) {
                recording.end(CapturedSpan::of_stage(record));
            }
        }
        Some(Signal::Beat | Signal::Process) | None => {}
    }
}

/// The only capture with this trace, or with one of the linked ones.
fn find(trace: TraceId, links: &[TraceId]) -> Option<Arc<Recording>> {
    let active = active();
    let mut knowing = active
        .iter()
        .filter(|recording| recording.knows(trace) || links.iter().any(|&linked| recording.knows(linked)));
    let first = knowing.next()?;
    knowing.next().is_none().then(|| first.clone())
}

fn having_open(span: SpanId) -> Option<Arc<Recording>> {
    if COUNT.load(Relaxed) == 0 {
        return None;
    }
    active().iter().find(|recording| recording.has_open(span)).cloned()
}

fn is_active(recording: &Arc<Recording>) -> bool {
    active().iter().any(|other| Arc::ptr_eq(other, recording))
}

fn active() -> MutexGuard<'static, Vec<Arc<Recording>>> {
    ACTIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As many as there are captures at the same time.
static ACTIVE: Mutex<Vec<Arc<Recording>>> = Mutex::new(Vec::new());
/// Their number: a process that captures nothing just now is spared the lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);
