//! The deliveries of one channel that are in somebody's hands, so that a settlement by tag ends their spans too.

mod open;
mod shared;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::outcome::ConsumeOutcome;

pub(crate) use open::{OpenDelivery, Work};
pub(crate) use shared::SharedSpan;

/// By delivery tag. As large as the number of deliveries that the caller holds, so it needs no bound of its own.
#[derive(Default)]
pub(crate) struct Unsettled(Mutex<BTreeMap<u64, Weak<OpenDelivery>>>);

impl Unsettled {
    pub(crate) fn insert(&self, open: &Arc<OpenDelivery>) {
        lock(&self.0).insert(open.delivery_tag, Arc::downgrade(open));
    }

    /// Forgets a delivery. After a recovery of the channel its tag may be another's by now.
    pub(crate) fn remove(&self, open: &Arc<OpenDelivery>) {
        let mut by_tag = lock(&self.0);
        if by_tag.get(&open.delivery_tag).is_some_and(|held| std::ptr::eq(held.as_ptr(), Arc::as_ptr(open))) {
            by_tag.remove(&open.delivery_tag);
        }
    }

    /// Ends what a settlement covers: one tag, or with `multiple` all up to it. Tag 0 with `multiple` is all there are.
    pub(crate) fn settle(&self, delivery_tag: u64, multiple: bool, outcome: ConsumeOutcome) {
        let covered = match (delivery_tag, multiple) {
            (0, true) => 0..=u64::MAX,
            (tag, true) => 0..=tag,
            (tag, false) => tag..=tag,
        };
        let open: Vec<_> = lock(&self.0).extract_if(covered, |_, _| true).map(|(_, open)| open).collect();
        // The spans end without the lock: a span processor may take its time.
        for open in open.iter().filter_map(Weak::upgrade) {
            open.settle(outcome);
        }
    }

    /// All that are held now, oldest first; the lock is not held while they are looked at.
    pub(crate) fn all(&self) -> Vec<Arc<OpenDelivery>> {
        lock(&self.0).values().filter_map(Weak::upgrade).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done by a panic in these few lines.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
