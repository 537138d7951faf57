//! What a consumer gives next, and a look at it before its time.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use futures_core::Stream;
use lapin::message::Delivery;
use lapin::{ChannelStatus, Result};

use crate::limits::WAITING_MAX;

use super::Source;

/// What all clones of a consumer share.
pub(crate) struct Feed {
    pub(crate) source: Arc<Source>,
    channel: ChannelStatus,
    items: Mutex<Items>,
}

/// The lock is held for one poll. It orders the real poll and the look ahead: a wake-up that finds nothing in lapin's
/// buffer finds it in `ahead`.
struct Items {
    /// A clone of the consumer with its own waker, so that looking ahead takes no wake-up from the stream.
    probe: lapin::Consumer,
    /// What was looked at before its time: at most what lapin had prefetched.
    ahead: VecDeque<Ahead>,
    /// Who waits, at most [`WAITING_MAX`]: lapin wakes them for what it has, nobody but us for what is `ahead`.
    waiting: VecDeque<Waker>,
}

/// What a consumer gives.
pub(crate) type Item = Option<Result<Delivery>>;

/// What a consumer gives, and when it came.
struct Ahead {
    item: Item,
    came: Instant,
}

/// A message that was taken and is in nobody's hands yet.
pub(crate) struct Taken {
    pub(crate) delivery: Delivery,
    /// When it came. The broker waits for its acknowledgement since then.
    pub(crate) since: Instant,
}

impl Feed {
    pub(super) fn new(source: Arc<Source>, consumer: &lapin::Consumer, channel: ChannelStatus) -> Self {
        let (ahead, waiting) = Default::default();
        let items = Mutex::new(Items { probe: consumer.clone(), ahead, waiting });
        Self { source, channel, items }
    }

    pub(super) fn poll_next(&self, consumer: &mut lapin::Consumer, cx: &mut TaskContext<'_>) -> Poll<Item> {
        self.poll_since(consumer, cx, &mut None)
    }

    /// The same, and says since when the message was here, if it did not come just now.
    pub(super) fn poll_since(
        &self,
        consumer: &mut lapin::Consumer,
        cx: &mut TaskContext<'_>,
        since: &mut Option<Instant>,
    ) -> Poll<Item> {
        let mut items = self.items();
        loop {
            let item = if let Some(Ahead { item, came }) = items.ahead.pop_front() {
                *since = Some(came);
                item
            } else if let Poll::Ready(item) = Pin::new(&mut *consumer).poll_next(cx) {
                *since = None;
                self.note(&item, consumer);
                item
            } else {
                items.wait(cx.waker());
                return Poll::Pending;
            };
            match &item {
                Some(Ok(delivery)) if self.is_stale(delivery) => {}
                _ => {
                    items.has_come(cx.waker());
                    return Poll::Ready(item);
                }
            }
        }
    }

    pub(super) fn channel(&self) -> &ChannelStatus {
        &self.channel
    }

    /// Gives back messages that were taken too early, in their order; they come next.
    pub(super) fn give_back(&self, taken: impl DoubleEndedIterator<Item = Taken>) {
        let ahead = taken.map(|Taken { delivery, since }| Ahead { item: Some(Ok(delivery)), came: since });
        self.put_ahead(ahead);
    }

    /// Gives back the end of the stream, or why there is nothing more.
    pub(super) fn give_back_end(&self, end: Item) {
        self.put_ahead([Ahead { item: end, came: Instant::now() }].into_iter());
    }

    fn put_ahead(&self, ahead: impl DoubleEndedIterator<Item = Ahead>) {
        let mut items = self.items();
        ahead.rev().for_each(|ahead| items.ahead.push_front(ahead));
        let waiting = items.take_waiting();
        drop(items);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// What was looked at before its time, for a delegate.
    pub(super) fn take_ahead(&self) -> impl Iterator<Item = Item> {
        let ahead = mem::take(&mut self.items().ahead).into_iter().map(|ahead| ahead.item);
        ahead.filter(|item| !matches!(item, Some(Ok(delivery)) if self.is_stale(delivery)))
    }

    /// Looks for the reason if the channel is dead, or if the broker cancelled the consumer on one that lives.
    ///
    /// lapin tells it to the stream alone, and a handler that works on one message at a time does not poll it before it
    /// has settled. So what the stream would give next is looked at here, and kept for it. A channel that lives, or is
    /// about to, is left alone: lapin may still take back what it has prefetched, and give it to a delegate.
    pub(crate) fn look_at_channel(&self) {
        if self.channel.connected() {
            if is_cancelled(&self.items().probe) {
                self.source.ended_on(&self.channel);
            }
        } else if !self.channel.initializing() {
            self.look_ahead();
        }
    }

    fn look_ahead(&self) {
        let mut nobody = TaskContext::from_waker(Waker::noop());
        let mut items = self.items();
        while let Poll::Ready(item) = Pin::new(&mut items.probe).poll_next(&mut nobody) {
            self.note(&item, &items.probe);
            let is_end = item.is_none();
            items.ahead.push_back(Ahead { item, came: Instant::now() });
            if is_end {
                break;
            }
        }
        let waiting = if items.ahead.is_empty() { VecDeque::new() } else { items.take_waiting() };
        drop(items);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether a message came over the connection before this one, so that it is worked on in vain and comes again. lapin
    /// drops those at a recovery, a moment after the channel is connected; it cannot reach the ones that were looked at.
    pub(super) fn is_stale(&self, delivery: &Delivery) -> bool {
        !self.source.no_ack && delivery.acker.poisoned() && self.channel.connected()
    }

    fn note(&self, item: &Item, consumer: &lapin::Consumer) {
        match item {
            // One that had arrived before the channel died, or the queue was deleted, is no sign of life.
            Some(Ok(delivery)) if delivery.acker.poisoned() => {}
            Some(Ok(_)) if self.source.is_lost() && is_cancelled(consumer) => {}
            Some(Ok(_)) => self.source.lives(),
            Some(Err(error)) => self.source.failed(error),
            None => self.source.ended_on(&self.channel),
        }
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Items {
    /// Somebody waits, and is to be woken when something is put ahead. One too many takes the place of the oldest, which
    /// is not woken for it: it would wait again, and take the place of the next.
    fn wait(&mut self, waker: &Waker) {
        if self.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(waker.clone());
    }

    /// It waits no more.
    fn has_come(&mut self, waker: &Waker) {
        if !self.waiting.is_empty() {
            self.waiting.retain(|waiting| !waiting.will_wake(waker));
        }
    }

    fn take_waiting(&mut self) -> VecDeque<Waker> {
        mem::take(&mut self.waiting)
    }
}

/// Whether lapin counts it as cancelled, as after the deletion of its queue.
///
/// Only the text for debugging tells; and to look ahead is no way on a channel that lives. Should the text change, a
/// cancelled consumer is known when its stream is polled.
fn is_cancelled(consumer: &lapin::Consumer) -> bool {
    let shown = format!("{consumer:?}");
    shown.rsplit_once("state: ").is_some_and(|(_, state)| state.starts_with("Canceled"))
}
