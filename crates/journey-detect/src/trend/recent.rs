//! The last samples of one series with their facets: enough to see which spans two facets share.

use std::collections::VecDeque;

use super::bucket::Bucket;
use super::facets::{ABSENT, OTHER, Slot};
use crate::Nanos;
use crate::limits::{FACET_KEYS_MAX, RECENT_SAMPLES_MAX};

/// Slots of one sample, by facet.
pub(super) type Slots = [Slot; FACET_KEYS_MAX];

/// No facet at all.
pub(super) const NO_SLOTS: Slots = [ABSENT; FACET_KEYS_MAX];

/// One sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecentSample {
    pub(super) at_ns: Nanos,
    pub(super) journey: u32,
    pub(super) bucket: Bucket,
    pub(super) slots: Slots,
}

/// The last samples, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(VecDeque<RecentSample>);

impl Recent {
    pub(super) fn push(&mut self, sample: RecentSample) {
        if self.0.len() == RECENT_SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// A slot got another value: its samples belong to the others now.
    pub(super) fn reassign(&mut self, facet: usize, slot: Slot) {
        for sample in &mut self.0 {
            if sample.slots[facet] == slot {
                sample.slots[facet] = OTHER;
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RecentSample> {
        self.0.iter()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<RecentSample>()
    }
}
