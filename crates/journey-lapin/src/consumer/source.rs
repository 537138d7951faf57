//! Where deliveries come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use lapin::types::ShortString;
use lapin::{ChannelStatus, Error};

use crate::attributes::Operation;
use crate::channel::State;
use crate::destination::lasting_queue;
use crate::{error_type, metrics};

/// A queue that is consumed, or was asked for a message. Shared by its deliveries, and without lapin's consumer, so
/// that a message that is kept does not keep the consumer from being cancelled.
pub(crate) struct Source {
    pub(crate) queue: ShortString,
    pub(crate) no_ack: bool,
    /// What its messages are for.
    pub(crate) operation: Operation,
    pub(crate) state: Arc<State>,
    is_cancelled: AtomicBool,
    is_lost: AtomicBool,
}

impl Source {
    pub(crate) fn new(
        queue: ShortString,
        no_ack: bool,
        operation: Operation,
        state: &Arc<State>,
    ) -> Arc<Self> {
        let (is_cancelled, is_lost) = Default::default();
        let state = Arc::clone(state);
        Arc::new(Self { queue, no_ack, operation, state, is_cancelled, is_lost })
    }

    /// The consumer gets no messages any more, although nobody cancelled it.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Relaxed)
    }

    /// Its owner wants no more messages, so the end is no loss.
    pub(crate) fn cancel(&self) {
        self.is_cancelled.store(true, Relaxed);
    }

    /// A message came: the consumer lives, or lives again after the connection was recovered.
    pub(crate) fn lives(&self) {
        self.state.unsettled.death.lives();
        if self.is_lost() {
            self.is_lost.store(false, Relaxed);
        }
    }

    /// The consumer is told of an error. lapin sends nothing after it, and the stream may stay pending for ever.
    pub(crate) fn failed(&self, error: &Error) {
        self.state.unsettled.death.heard(error);
        self.lost(&error_type::description(error));
    }

    /// The consumer gets no more messages. On a channel that lives, and unless its owner wanted it, the broker has
    /// cancelled it, as it does when the queue is deleted. A channel that was closed ends its consumers too.
    pub(crate) fn ended_on(&self, channel: &ChannelStatus) {
        if channel.connected() && !self.is_cancelled.load(Relaxed) {
            self.lost("the broker cancelled it");
        }
    }

    /// Told once.
    fn lost(&self, reason: &str) {
        if !self.is_lost.swap(true, Relaxed) {
            metrics::consumer_lost(lasting_queue(self.queue.as_str()));
            tracing::warn!(
                name: "journey.messaging.consumer_lost",
                queue = self.queue.as_str(),
                reason,
                "a consumer is lost: it gets no messages any more"
            );
        }
    }
}
