//! A stream of messages, each with its span.

mod batch;
mod delegate;
mod feed;
mod source;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream;
use lapin::types::ShortString;
use lapin::{ChannelStatus, Result};
use tokio::runtime::Handle;

use crate::attributes::CONSUME;
use crate::channel::State;
use crate::delivery::TracedDelivery;
use crate::watch;

pub use batch::TracedBatch;
pub use delegate::ConsumerDelegate;
pub(crate) use feed::{Feed, Taken};
pub(crate) use source::Source;

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
        state: &Arc<State>,
        channel: ChannelStatus,
    ) -> Self {
        let source = Source::new(inner.queue(), no_ack, CONSUME, state);
        let feed = Arc::new(Feed::new(source, &inner, channel));
        watch::consumer(&feed, inner.tag());
        Self { inner, feed }
    }

    /// The consumer tag.
    #[must_use]
    pub fn tag(&self) -> ShortString {
        self.inner.tag()
    }

    /// The queue it consumes.
    #[must_use]
    pub fn queue(&self) -> ShortString {
        self.feed.source.queue.clone()
    }

    /// Whether it gets no messages any more although nobody cancelled it: the broker closed its channel, for instance
    /// because an acknowledgement did not come in time, or the queue was deleted. lapin recovers connections, not such
    /// a channel, and the stream may stay pending for ever; a readiness probe may ask here.
    ///
    /// Known within [`crate::limits::WATCH_INTERVAL`], whether the stream is polled or not.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.feed.source.is_lost()
    }

    /// Hands each message to a delegate instead of the stream, in the context of the message.
    ///
    /// As lapin's: from now on dropping this does not cancel; [`crate::Channel::basic_cancel`] does. Messages that a batch
    /// which was given up has left ([`Consumer::next_batch_within`]) are handed over first; outside of a Tokio runtime they
    /// stay for the stream.
    pub fn set_delegate<D: ConsumerDelegate + 'static>(&self, delegate: D) {
        let delegate = delegate::Traced::new(delegate, &self.feed);
        // In their order: what was taken ahead came before all that lapin still has.
        if let Ok(runtime) = Handle::try_current() {
            delegate.take_over(&runtime, self.feed.take_ahead());
        }
        self.inner.set_delegate(delegate);
    }
}

impl Stream for Consumer {
    type Item = Result<TracedDelivery>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let Self { inner, feed } = self.get_mut();
        let item = ready!(feed.poll_next(inner, cx));
        Poll::Ready(item.map(|item| item.map(|delivery| TracedDelivery::start(delivery, feed))))
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("queue", &self.feed.source.queue).finish_non_exhaustive()
    }
}
