//! What one capture has seen so far.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId};

use crate::limits::CAPTURED_SPANS_MAX;

use super::captured::{Captured, CapturedSpan};

/// Shared by the capture and by every `Context` that derives from its first one.
#[derive(Debug, Default)]
pub(super) struct Recording {
    seen: Mutex<Seen>,
    quiet: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    traces: HashSet<TraceId>,
    open: HashSet<SpanId>,
    ended: Vec<CapturedSpan>,
    left_out: usize,
}

impl Recording {
    pub(super) fn begin(&self, trace_id: TraceId, span_id: SpanId) {
        let mut seen = self.lock();
        seen.traces.insert(trace_id);
        if seen.open.len() < CAPTURED_SPANS_MAX {
            seen.open.insert(span_id);
        }
    }

    pub(super) fn end(&self, span: CapturedSpan) {
        let mut seen = self.lock();
        seen.open.remove(&span.span_id());
        if seen.ended.len() < CAPTURED_SPANS_MAX {
            seen.ended.push(span);
        } else {
            seen.left_out += 1;
        }
        if seen.open.is_empty() {
            self.quiet.notify_all();
        }
    }

    pub(super) fn knows(&self, trace_id: TraceId) -> bool {
        self.lock().traces.contains(&trace_id)
    }

    pub(super) fn has_open(&self, span_id: SpanId) -> bool {
        self.lock().open.contains(&span_id)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// Waits until nothing is open, at most `time`.
    pub(super) fn wait_until_quiet(&self, time: Duration) {
        // Poisoned or not, quiet or not: the capture goes on with what there is.
        let _ = self.quiet.wait_timeout_while(self.lock(), time, |seen| !seen.open.is_empty());
    }

    /// What has ended, by start.
    pub(super) fn take(&self) -> Captured {
        let mut seen = self.lock();
        let mut spans = std::mem::take(&mut seen.ended);
        spans.sort_by_key(CapturedSpan::start);
        Captured { spans, open: seen.open.len(), left_out: seen.left_out }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
