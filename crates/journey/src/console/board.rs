//! What is open and what has ended, until it is printed. No clock and no output: text comes out.

use std::collections::HashMap;

use journey_model::{SpanId, TraceId};

use crate::limits::{CONSOLE_SPANS_PER_TRACE_MAX, CONSOLE_TRACES_MAX};

use super::entry::{Entry, Place};
use super::painter::Painter;

/// At most [`CONSOLE_TRACES_MAX`] traces; the oldest is printed and forgotten when one more begins.
#[derive(Debug)]
pub(super) struct Board {
    painter: Painter,
    traces: HashMap<TraceId, Trace>,
    /// Number of the last trace that began.
    arrivals: u64,
}

#[derive(Debug, Default)]
struct Trace {
    arrival: u64,
    open: HashMap<SpanId, Entry>,
    ended: Vec<Entry>,
    /// Ended ones beyond [`CONSOLE_SPANS_PER_TRACE_MAX`].
    left_out: usize,
}

impl Board {
    pub(super) fn new(painter: Painter) -> Self {
        Self { painter, traces: HashMap::new(), arrivals: 0 }
    }

    /// Gives what is printed to make room.
    pub(super) fn started(&mut self, entry: Entry) -> String {
        let printed = self.make_room(entry.place.trace_id);
        let trace = self.trace(entry.place.trace_id);
        // One beyond it is printed by itself, as if its parent had been elsewhere.
        if trace.open.len() < CONSOLE_SPANS_PER_TRACE_MAX {
            trace.open.insert(entry.place.span_id, entry);
        }
        printed
    }

    /// A line on a stage that runs for long.
    pub(super) fn alive(&self, place: Place, progress: Option<f64>, now_ns: u64) -> String {
        let stage = self.traces.get(&place.trace_id).and_then(|trace| trace.open.get(&place.span_id));
        stage.map(|stage| self.painter.alive(stage, progress, now_ns)).unwrap_or_default()
    }

    /// Gives the tree below the topmost span that has now ended.
    pub(super) fn ended(&mut self, entry: Entry) -> String {
        let trace_id = entry.place.trace_id;
        let mut printed = self.make_room(trace_id);
        let trace = self.trace(trace_id);
        trace.open.remove(&entry.place.span_id);
        let is_top = entry.parent.is_none_or(|parent| !trace.open.contains_key(&parent));
        if trace.ended.len() < CONSOLE_SPANS_PER_TRACE_MAX {
            trace.ended.push(entry);
        } else {
            trace.left_out += 1;
        }
        if is_top {
            printed.push_str(&self.print(trace_id));
        }
        printed
    }

    /// Gives all that was not printed yet.
    pub(super) fn finish(&mut self) -> String {
        let mut rest: Vec<(u64, TraceId)> =
            self.traces.iter().map(|(id, trace)| (trace.arrival, *id)).collect();
        rest.sort_unstable();
        rest.into_iter().map(|(_, trace_id)| self.forget(trace_id)).collect()
    }

    fn make_room(&mut self, trace_id: TraceId) -> String {
        if self.traces.len() < CONSOLE_TRACES_MAX || self.traces.contains_key(&trace_id) {
            return String::new();
        }
        let oldest = self.traces.iter().min_by_key(|(_, trace)| trace.arrival).map(|(id, _)| *id);
        oldest.map(|oldest| self.forget(oldest)).unwrap_or_default()
    }

    fn trace(&mut self, trace_id: TraceId) -> &mut Trace {
        self.traces.entry(trace_id).or_insert_with(|| {
            self.arrivals += 1;
            Trace { arrival: self.arrivals, ..Trace::default() }
        })
    }

    /// Prints what has ended with nothing open above it.
    fn print(&mut self, trace_id: TraceId) -> String {
        let Some(trace) = self.traces.get_mut(&trace_id) else { return String::new() };
        let ended = trace.take_closed();
        let left_out = std::mem::take(&mut trace.left_out);
        let still_open: Vec<&Entry> = trace.open.values().collect();
        let printed = self.painter.tree(trace_id, &ended, &still_open, left_out);
        if trace.open.is_empty() {
            self.traces.remove(&trace_id);
        }
        printed
    }

    fn forget(&mut self, trace_id: TraceId) -> String {
        let Some(trace) = self.traces.remove(&trace_id) else { return String::new() };
        let still_open: Vec<&Entry> = trace.open.values().collect();
        self.painter.tree(trace_id, &trace.ended, &still_open, trace.left_out)
    }
}

impl Trace {
    /// Takes the ended ones that wait for no open one above them.
    fn take_closed(&mut self) -> Vec<Entry> {
        let parents: HashMap<SpanId, Option<SpanId>> =
            self.ended.iter().map(|entry| (entry.place.span_id, entry.parent)).collect();
        let waits = |entry: &Entry| {
            // Ids come from outside too: a circle of parents must end.
            let above = std::iter::successors(entry.parent, |id| parents.get(id).copied().flatten());
            above.take(parents.len() + 1).any(|id| self.open.contains_key(&id))
        };
        let (waiting, closed) = std::mem::take(&mut self.ended).into_iter().partition(waits);
        self.ended = waiting;
        closed
    }
}
