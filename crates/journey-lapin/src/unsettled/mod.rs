//! The deliveries of one channel that are in somebody's hands, so that a settlement by tag ends their spans too.

mod death;
mod open;
mod shared;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::fast::RandomState;

use crate::outcome::ConsumeOutcome;
use crate::rpc;

pub(crate) use death::Death;
pub(crate) use open::{Beginning, OpenDelivery, Work};
pub(crate) use shared::SharedSpan;

/// What all that was made of one channel of lapin's holds.
#[derive(Default)]
pub(crate) struct Unsettled {
    /// By delivery tag. As large as the number of deliveries that the caller holds, so it needs no bound of its own. No
    /// tree: one that holds a message at a time makes and drops a node for each.
    by_tag: Mutex<HashMap<u64, Weak<OpenDelivery>, RandomState>>,
    pub(crate) death: Death,
    /// Of the answers to calls that are made on the channel.
    pub(crate) listener: rpc::Slot,
}

impl Unsettled {
    /// Nothing yet. `holders` are all that hold this channel.
    pub(crate) fn of(channel: &lapin::Channel, holders: Weak<()>) -> Self {
        Self { death: Death::of(channel, holders), ..Self::default() }
    }

    pub(crate) fn insert(&self, open: &Arc<OpenDelivery>) {
        lock(&self.by_tag).insert(open.delivery.delivery_tag, Arc::downgrade(open));
    }

    /// Forgets a delivery. After a recovery of the channel its tag may be another's by now.
    pub(crate) fn remove(&self, open: &OpenDelivery) {
        if let Entry::Occupied(held) = lock(&self.by_tag).entry(open.delivery.delivery_tag)
            && std::ptr::eq(held.get().as_ptr(), open)
        {
            held.remove();
        }
    }

    /// Ends what a settlement covers: one tag, or with `multiple` all up to it. Tag 0 with `multiple` is all there are.
    ///
    /// Not those from before a recovery of the connection: their tags mean nothing to the broker any more, and they come
    /// again. Their holders are told when they settle them.
    pub(crate) fn settle(&self, delivery_tag: u64, multiple: bool, outcome: ConsumeOutcome) {
        let is_covered = |open: &Weak<OpenDelivery>| {
            outcome.is_error() || !open.upgrade().is_some_and(|open| open.is_lost())
        };
        let mut by_tag = lock(&self.by_tag);
        let mut open: Vec<_> = match (delivery_tag, multiple) {
            (last, true) => {
                let is_before = |tag: u64| last == 0 || tag <= last;
                by_tag.extract_if(|tag, open| is_before(*tag) && is_covered(open)).collect()
            }
            (tag, false) if by_tag.get(&tag).is_some_and(is_covered) => {
                by_tag.remove_entry(&tag).into_iter().collect()
            }
            (_, false) => return,
        };
        // Else each of these looks would take as long as when the most were held.
        if by_tag.capacity() > (4 * ROOM_MIN).max(8 * by_tag.len()) {
            let room = ROOM_MIN.max(2 * by_tag.len());
            by_tag.shrink_to(room);
        }
        drop(by_tag);
        open.sort_unstable_by_key(|(tag, _)| *tag);
        // The spans end without the lock: a span processor may take its time.
        for open in open.iter().filter_map(|(_, open)| open.upgrade()) {
            open.settle(outcome);
        }
    }

    /// All that are held now, oldest first; the lock is not held while they are looked at.
    pub(crate) fn all(&self) -> Vec<Arc<OpenDelivery>> {
        let mut open: Vec<_> = lock(&self.by_tag).values().filter_map(Weak::upgrade).collect();
        open.sort_unstable_by_key(|open| open.delivery.delivery_tag);
        open
    }
}

/// Room for deliveries that is not given up.
const ROOM_MIN: usize = 256;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done by a panic in these few lines.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use crate::attributes::CONSUME;
    use crate::channel::State;
    use crate::consumer::Source;
    use crate::delivery::TracedDelivery;

    use super::*;

    /// Scenario: thousands of deliveries are held; one is settled by its tag, then all up to another, then all there are.
    /// Guarantees: those are settled and no others, nothing of them is held any more, nor the room for them.
    #[test]
    fn a_settlement_covers_its_tags() {
        const HELD: u64 = 10_000;
        let state = State::new(Default::default(), Arc::default());
        let source = Source::new("prices".into(), false, CONSUME, &state);
        let open = |tag| {
            let delivery = Delivery::mock(tag, "".into(), "prices".into(), false, vec![]);
            TracedDelivery::open(delivery, &source, Weak::new())
        };
        let held: Vec<_> = (1..=HELD).map(open).collect();
        let settled = || held.iter().filter(|held| held.is_settled()).map(|held| held.delivery_tag);
        state.unsettled.settle(7, false, ConsumeOutcome::Ack);
        assert!(settled().eq([7]));
        state.unsettled.settle(9, true, ConsumeOutcome::Ack);
        assert!(settled().eq(1..=9));
        assert_eq!(state.unsettled.all().len(), held.len() - 9);
        state.unsettled.settle(0, true, ConsumeOutcome::Ack);
        assert!(settled().eq(1..=HELD));
        assert!(state.unsettled.all().is_empty());
        assert!(lock(&state.unsettled.by_tag).capacity() < 4 * ROOM_MIN);
    }
}
