//! A stream of messages, each with its span.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker, ready};

use futures_core::Stream;
use lapin::message::Delivery;
use lapin::types::ShortString;
use lapin::{Error, Result};

use crate::channel::Broker;
use crate::delivery::TracedDelivery;
use crate::error_type;
use crate::unsettled::Unsettled;

/// A stream of messages, as lapin's consumer; each message has a span from the moment it is handed over.
///
/// Messages that wait in the prefetch buffer have none yet. Dropping all clones cancels the consumer.
#[derive(Clone)]
pub struct Consumer {
    inner: lapin::Consumer,
    feed: Arc<Feed>,
}

impl Consumer {
    pub(crate) fn new(
        inner: lapin::Consumer,
        no_ack: bool,
        broker: Option<Arc<Broker>>,
        unsettled: Arc<Unsettled>,
    ) -> Self {
        let items = Mutex::new(Items { probe: inner.clone(), ahead: VecDeque::new(), timed_out: false });
        let feed = Feed { queue: inner.queue(), no_ack, broker, unsettled, items };
        Self { inner, feed: Arc::new(feed) }
    }

    /// The consumer tag.
    #[must_use]
    pub fn tag(&self) -> ShortString {
        self.inner.tag()
    }

    /// The queue it consumes.
    #[must_use]
    pub fn queue(&self) -> ShortString {
        self.feed.queue.clone()
    }
}

impl Stream for Consumer {
    type Item = Result<TracedDelivery>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let Self { inner, feed } = self.get_mut();
        let item = ready!(feed.items().poll_next(inner, cx));
        Poll::Ready(item.map(|item| item.map(|delivery| TracedDelivery::start(delivery, feed))))
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("queue", &self.feed.queue).finish_non_exhaustive()
    }
}

/// What all clones of a consumer and its deliveries share.
pub(crate) struct Feed {
    pub(crate) queue: ShortString,
    pub(crate) no_ack: bool,
    pub(crate) broker: Option<Arc<Broker>>,
    pub(crate) unsettled: Arc<Unsettled>,
    items: Mutex<Items>,
}

impl Feed {
    /// Whether the broker closed the channel because an acknowledgement did not come in time.
    ///
    /// lapin tells the reason to the stream alone, and a handler that works on one message at a time does not poll
    /// it before it has settled. So what the stream would give next is looked at here, and kept for it.
    pub(crate) fn is_timed_out(&self) -> bool {
        self.items().look_ahead()
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock is held for one poll. It orders the real poll and the look ahead: a wake-up that finds nothing in lapin's
/// buffer finds it in `ahead`.
struct Items {
    /// A clone of the consumer with its own waker, so that looking ahead takes no wake-up from the stream.
    probe: lapin::Consumer,
    /// What was looked at before its time: at most what lapin had prefetched.
    ahead: VecDeque<Option<Result<Delivery>>>,
    timed_out: bool,
}

impl Items {
    fn poll_next(
        &mut self,
        consumer: &mut lapin::Consumer,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Delivery>>> {
        if let Some(item) = self.ahead.pop_front() {
            return Poll::Ready(item);
        }
        let item = ready!(Pin::new(consumer).poll_next(cx));
        self.note(&item);
        Poll::Ready(item)
    }

    fn look_ahead(&mut self) -> bool {
        let mut nobody = TaskContext::from_waker(Waker::noop());
        while let Poll::Ready(item) = Pin::new(&mut self.probe).poll_next(&mut nobody) {
            self.note(&item);
            let is_end = item.is_none();
            self.ahead.push_back(item);
            if is_end {
                break;
            }
        }
        self.timed_out
    }

    fn note(&mut self, item: &Option<Result<Delivery>>) {
        self.timed_out |= item.as_ref().and_then(|item| item.as_ref().err()).is_some_and(is_ack_timeout);
    }
}

/// RabbitMQ closes the channel with 406 then, as for other faults; only the text tells them apart.
pub(crate) fn is_ack_timeout(error: &Error) -> bool {
    error_type::is_precondition_failed(error) && error.to_string().contains("timed out")
}
