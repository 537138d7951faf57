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
        let item = match items.ahead.pop_front() {
            Some(item) => item,
            None => {
                let item = ready!(Pin::new(consumer).poll_next(cx));
                self.note(&item);
                item
            }
        };
        Poll::Ready(item)
    }

    /// Gives back what was taken too early; it comes next.
    pub(super) fn give_back(&self, item: Option<Result<Delivery>>) {
        self.items().ahead.push_front(item);
    }

    /// Whether the broker closed the channel because an acknowledgement did not come in time.
    ///
    /// lapin tells the reason to the stream alone, and a handler that works on one message at a time does not poll
    /// it before it has settled. So what the stream would give next is looked at here, and kept for it.
    pub(crate) fn is_timed_out(&self) -> bool {
        self.look_ahead();
        self.source.is_timed_out()
    }

    /// Looks for the reason if the channel is dead and nobody polls the stream.
    pub(crate) fn look_at_channel(&self) {
        if !self.channel.connected() && !self.channel.initializing() {
            self.look_ahead();
        }
    }

    fn look_ahead(&self) {
        let mut nobody = TaskContext::from_waker(Waker::noop());
        let mut items = self.items();
        while let Poll::Ready(item) = Pin::new(&mut items.probe).poll_next(&mut nobody) {
            self.note(&item);
            let is_end = item.is_none();
            items.ahead.push_back(item);
            if is_end {
                break;
            }
        }
    }

    fn note(&self, item: &Option<Result<Delivery>>) {
        match item {
            Some(Ok(_)) => self.source.lives(),
            Some(Err(error)) => self.source.failed(error),
            // A channel that was closed by its owner ends its consumers too.
            None if self.channel.connected() => self.source.ended(),
            None => {}
        }
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
