//! What a consumer gives next, and a look at it before its time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker, ready};

use futures_core::Stream;
use lapin::message::Delivery;
use lapin::{ChannelStatus, Result};

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
    ahead: VecDeque<Option<Result<Delivery>>>,
}

impl Feed {
    pub(super) fn new(source: Arc<Source>, consumer: &lapin::Consumer, channel: ChannelStatus) -> Self {
        let items = Mutex::new(Items { probe: consumer.clone(), ahead: VecDeque::new() });
        Self { source, channel, items }
    }

    pub(super) fn poll_next(
        &self,
        consumer: &mut lapin::Consumer,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Delivery>>> {
        let mut items = self.items();
        loop {
            let item = match items.ahead.pop_front() {
                Some(item) => item,
                None => {
                    let item = ready!(Pin::new(&mut *consumer).poll_next(cx));
                    self.note(&item, consumer);
                    item
                }
            };
            match &item {
                Some(Ok(delivery)) if self.is_stale(delivery) => {}
                _ => return Poll::Ready(item),
            }
        }
    }

    pub(super) fn channel(&self) -> &ChannelStatus {
        &self.channel
    }

    /// Gives back what was taken too early; it comes next.
    pub(super) fn give_back(&self, item: Option<Result<Delivery>>) {
        self.items().ahead.push_front(item);
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
            items.ahead.push_back(item);
            if is_end {
                break;
            }
        }
    }

    /// Whether a message came over the connection before this one, so that it is worked on in vain and comes again. lapin
    /// drops those at a recovery, a moment after the channel is connected; it cannot reach the ones that were looked at.
    pub(super) fn is_stale(&self, delivery: &Delivery) -> bool {
        !self.source.no_ack && delivery.acker.poisoned() && self.channel.connected()
    }

    fn note(&self, item: &Option<Result<Delivery>>, consumer: &lapin::Consumer) {
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

/// Whether lapin counts it as cancelled, as after the deletion of its queue.
///
/// Only the text for debugging tells; and to look ahead is no way on a channel that lives. Should the text change, a
/// cancelled consumer is known when its stream is polled.
fn is_cancelled(consumer: &lapin::Consumer) -> bool {
    let shown = format!("{consumer:?}");
    shown.rsplit_once("state: ").is_some_and(|(_, state)| state.starts_with("Canceled"))
}
