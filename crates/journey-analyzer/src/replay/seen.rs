//! Which spans have been seen: two generations of fingerprints, so that the memory is bounded.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use journey_model::{SpanId, TraceId};

use crate::limits::SEEN_SPANS_MAX;

/// Fingerprints of the spans seen last. One new span in 10^12 or so is taken for a repeat.
#[derive(Debug, Default)]
pub(super) struct Seen {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Seen {
    /// Notes a span. Returns whether it is new.
    pub(super) fn note(&mut self, trace_id: TraceId, span_id: SpanId) -> bool {
        let mut hasher = DefaultHasher::new();
        (trace_id, span_id).hash(&mut hasher);
        let fingerprint = hasher.finish();
        if self.young.len() >= SEEN_SPANS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        !self.old.contains(&fingerprint) && self.young.insert(fingerprint)
    }
}
