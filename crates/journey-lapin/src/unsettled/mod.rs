//! The deliveries of one channel that are in somebody's hands, so that a settlement by tag ends their spans too.

mod open;
mod shared;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lapin::ChannelStatus;

use crate::outcome::ConsumeOutcome;

pub(crate) use open::{OpenDelivery, Work};
pub(crate) use shared::SharedSpan;

/// What all that was made of one channel of lapin's holds.
#[derive(Default)]
pub(crate) struct Unsettled {
    /// By delivery tag. As large as the number of deliveries that the caller holds, so it needs no bound of its own.
    by_tag: Mutex<BTreeMap<u64, Weak<OpenDelivery>>>,
    is_timed_out: AtomicBool,
    /// Unknown in tests alone.
    channel: Option<ChannelStatus>,
    is_seen_dead: AtomicBool,
}

impl Unsettled {
    pub(crate) fn of(channel: &lapin::Channel) -> Self {
        Self { channel: Some(channel.status().clone()), ..Self::default() }
    }

    /// Whether the channel is dead, and was not when this was asked the last time.
    pub(crate) fn has_died(&self) -> bool {
        let is_dead =
            self.channel.as_ref().is_some_and(|channel| !channel.connected() && !channel.initializing());
        is_dead != self.is_seen_dead.swap(is_dead, Relaxed) && is_dead
    }

    pub(crate) fn insert(&self, open: &Arc<OpenDelivery>) {
        lock(&self.by_tag).insert(open.delivery_tag, Arc::downgrade(open));
    }

    /// Forgets a delivery. After a recovery of the channel its tag may be another's by now.
    pub(crate) fn remove(&self, open: &Arc<OpenDelivery>) {
        let mut by_tag = lock(&self.by_tag);
        if by_tag.get(&open.delivery_tag).is_some_and(|held| std::ptr::eq(held.as_ptr(), Arc::as_ptr(open))) {
            by_tag.remove(&open.delivery_tag);
        }
    }

    /// Ends what a settlement covers: one tag, or with `multiple` all up to it. Tag 0 with `multiple` is all there are.
    ///
    /// Not those from before a recovery of the connection: their tags mean nothing to the broker any more, and they come
    /// again. Their holders are told when they settle them.
    pub(crate) fn settle(&self, delivery_tag: u64, multiple: bool, outcome: ConsumeOutcome) {
        let covered = match (delivery_tag, multiple) {
            (0, true) => 0..=u64::MAX,
            (tag, true) => 0..=tag,
            (tag, false) => tag..=tag,
        };
        let is_covered = |open: &Weak<OpenDelivery>| {
            outcome.is_error() || !open.upgrade().is_some_and(|open| open.is_lost())
        };
        let open: Vec<_> = lock(&self.by_tag)
            .extract_if(covered, |_, open| is_covered(open))
            .map(|(_, open)| open)
            .collect();
        // The spans end without the lock: a span processor may take its time.
        for open in open.iter().filter_map(Weak::upgrade) {
            open.settle(outcome);
        }
    }

    /// All that are held now, oldest first; the lock is not held while they are looked at.
    pub(crate) fn all(&self) -> Vec<Arc<OpenDelivery>> {
        lock(&self.by_tag).values().filter_map(Weak::upgrade).collect()
    }

    /// Whether the broker closed the channel because an acknowledgement did not come in time. A consumer of the channel
    /// is told of it, without one it is guessed; and then it is the fate of all its deliveries.
    pub(crate) fn is_timed_out(&self) -> bool {
        self.is_timed_out.load(Relaxed)
    }

    /// How deliveries of a dead channel end, if not by that.
    pub(crate) fn of_dead_channel(&self, otherwise: ConsumeOutcome) -> ConsumeOutcome {
        if self.is_timed_out() { ConsumeOutcome::AckTimeout } else { otherwise }
    }

    /// The channel timed out, or lives.
    pub(crate) fn set_timed_out(&self, is_timed_out: bool) {
        if self.is_timed_out() != is_timed_out {
            self.is_timed_out.store(is_timed_out, Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done by a panic in these few lines.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
