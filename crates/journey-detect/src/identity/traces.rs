//! What spans without a key follow: the first span of their trace that has one, else a link.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use journey_model::{SpanId, TraceId};

use super::Stamp;
use crate::AttemptId;

/// Most links from trace to trace that a key is carried over.
pub(super) const HOPS_MAX: usize = 3;

/// How well a span knows its journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// By an anchor or alias.
    Own,
    /// By a member or shared key.
    Reference,
    /// Not at all.
    None,
}

/// The traces of all spans that are known.
#[derive(Debug, Default)]
pub(super) struct Traces {
    by_id: HashMap<TraceId, Trace>,
    /// Traces whose spans without a key link to this one.
    linked_from: HashMap<TraceId, BTreeSet<TraceId>>,
}

#[derive(Debug, Default)]
struct Trace {
    /// Its spans with keys. The others follow the first of them.
    keyed: BTreeSet<(Rank, Stamp)>,
    keyless: BTreeSet<SpanId>,
    /// Links of spans without a key, by when these began.
    links: BTreeMap<Stamp, Vec<AttemptId>>,
    /// Other traces that its links ever led to.
    linked: BTreeSet<TraceId>,
}

impl Traces {
    /// Notes a span, after each change of it. What it knows only becomes better, and its start earlier.
    pub(super) fn note(&mut self, attempt: AttemptId, rank: Rank, stamp: Stamp, links: &[AttemptId]) {
        let trace = self.by_id.entry(attempt.trace_id).or_default();
        trace.links.retain(|(_, _, span_id), _| *span_id != attempt.span_id);
        if rank == Rank::None {
            trace.keyless.insert(attempt.span_id);
            if !links.is_empty() {
                trace.links.insert(stamp, links.to_vec());
                for link in links.iter().filter(|link| link.trace_id != attempt.trace_id) {
                    trace.linked.insert(link.trace_id);
                    self.linked_from.entry(link.trace_id).or_default().insert(attempt.trace_id);
                }
            }
            return;
        }
        trace.keyless.remove(&attempt.span_id);
        if trace.keyed.insert((rank, stamp)) {
            trace.keyed.retain(|known| known.1.2 != attempt.span_id || *known == (rank, stamp));
        }
    }

    pub(super) fn leader(&self, trace: TraceId) -> Option<AttemptId> {
        let (_, (_, trace_id, span_id)) = self.by_id.get(&trace)?.keyed.first()?;
        Some(AttemptId { trace_id: *trace_id, span_id: *span_id })
    }

    pub(super) fn leads(&self, attempt: AttemptId) -> bool {
        self.leader(attempt.trace_id) == Some(attempt)
    }

    /// Whether a span without a key links to this trace.
    pub(super) fn is_linked(&self, trace: TraceId) -> bool {
        self.linked_from.contains_key(&trace)
    }

    /// Whether spans without a key link to this trace, or from it.
    pub(super) fn is_tied(&self, trace: TraceId) -> bool {
        self.is_linked(trace) || self.by_id.get(&trace).is_some_and(|found| !found.linked.is_empty())
    }

    pub(super) fn keyless(&self, trace: TraceId) -> Vec<AttemptId> {
        let found = self.by_id.get(&trace).map(|found| &found.keyless).into_iter().flatten();
        found.map(|span_id| AttemptId { trace_id: trace, span_id: *span_id }).collect()
    }

    pub(super) fn links(&self, trace: TraceId) -> impl Iterator<Item = AttemptId> {
        let links = self.by_id.get(&trace).map(|found| &found.links).into_iter();
        links.flat_map(BTreeMap::values).flatten().copied()
    }

    /// These traces, and those that may follow them by links.
    pub(super) fn with_linked(&self, traces: BTreeSet<TraceId>) -> BTreeSet<TraceId> {
        let mut all = traces.clone();
        let mut edge = traces;
        for _ in 0..HOPS_MAX {
            let linked = edge.iter().filter_map(|trace| self.linked_from.get(trace)).flatten();
            edge = linked.copied().filter(|trace| all.insert(*trace)).collect();
        }
        all
    }

    pub(super) fn retract(&mut self, attempt: AttemptId) {
        let Some(trace) = self.by_id.get_mut(&attempt.trace_id) else { return };
        trace.keyless.remove(&attempt.span_id);
        trace.links.retain(|(_, _, span_id), _| *span_id != attempt.span_id);
        trace.keyed.retain(|(_, (_, _, span_id))| *span_id != attempt.span_id);
        if !trace.keyed.is_empty() || !trace.keyless.is_empty() {
            return;
        }
        let gone = self.by_id.remove(&attempt.trace_id);
        for linked in gone.into_iter().flat_map(|gone| gone.linked) {
            if let Some(from) = self.linked_from.get_mut(&linked) {
                from.remove(&attempt.trace_id);
                if from.is_empty() {
                    self.linked_from.remove(&linked);
                }
            }
        }
    }

    /// Whether a span of this trace is here, or a span without a key links to it.
    pub(super) fn knows(&self, trace: TraceId) -> bool {
        self.by_id.contains_key(&trace) || self.is_linked(trace)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.linked_from.is_empty()
    }
}
