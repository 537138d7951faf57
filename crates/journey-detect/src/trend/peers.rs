//! Whether one value of a facet is slower than the other values, by what was seen of both; needs no past.

use super::config::PeerRules;
use super::histogram::Histogram;
use super::ranks::Comparison;
use crate::Nanos;

/// What is known of one value against the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    /// How many spans it has to have before it is compared again.
    due_at: u64,
    slow: Option<Slow>,
}

/// A value that is slower than the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slow {
    /// Since when it is told.
    pub(super) warned_at_ns: Nanos,
    /// Its spans at that time.
    pub(super) spans: u32,
    /// Its median as a multiple of the others'.
    pub(super) ratio: f64,
}

impl Peer {
    /// Whether it is slower than the others, as far as was last compared.
    pub(super) fn is_slow(&self) -> bool {
        self.slow.is_some()
    }

    /// What is told of it.
    pub(super) fn slow(&self) -> Option<&Slow> {
        self.slow.as_ref()
    }

    /// Whether it has enough spans to be compared, for the first time or again: a quarter more than last time.
    pub(super) fn is_due(&self, spans: u64, rules: &PeerRules) -> bool {
        spans >= self.due_at.max(rules.spans_min)
    }

    /// Compares it with all spans of its stage that are not its own. Returns whether it became slow, or no longer is.
    pub(super) fn compare(
        &mut self,
        own: &Histogram,
        all: &Histogram,
        now: Nanos,
        rules: &PeerRules,
    ) -> bool {
        self.due_at = own.total() + own.total() / 4;
        let mut others = all.clone();
        others.subtract(own);
        if others.total() < rules.spans_min {
            return false;
        }
        let Some(found) = Comparison::of(own, &others) else { return false };
        // Once told, it is told until it is clearly back: half the distance to "no difference".
        let (superiority, ratio) = if self.is_slow() {
            ((rules.superiority + 0.5) / 2.0, (rules.ratio + 1.0) / 2.0)
        } else {
            (rules.superiority, rules.ratio)
        };
        let is_slow = found.superiority >= superiority && found.ratio >= ratio;
        let changed = is_slow != self.is_slow();
        match &mut self.slow {
            Some(slow) if is_slow => slow.ratio = found.ratio,
            slow => {
                let spans = u32::try_from(own.total()).unwrap_or(u32::MAX);
                *slow = is_slow.then_some(Slow { warned_at_ns: now, spans, ratio: found.ratio });
            }
        }
        changed
    }
}
