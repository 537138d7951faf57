//! Messages that are handed to a callback.

use std::pin::Pin;
use std::sync::{Arc, Weak};

use lapin::message::DeliveryResult;
use lapin::{ChannelStatus, Result};
use opentelemetry::context::FutureExt as _;
use tokio::runtime::Handle;

use crate::delivery::TracedDelivery;

use super::feed::Item;
use super::{Feed, Source};

/// Takes the messages of a consumer, as lapin's trait of this name. Any `Fn` of a traced delivery that returns a
/// future is one.
pub trait ConsumerDelegate: Send + Sync {
    /// Called for each message, for an error, and with `Ok(None)` at the end. The future runs on a task of its own, in
    /// the context of the message.
    fn on_new_delivery(
        &self,
        delivery: Result<Option<TracedDelivery>>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Called when messages that were not handed over are given up, for instance when the channel closes.
    fn drop_prefetched_messages(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

impl<F, D> ConsumerDelegate for D
where
    F: Future<Output = ()> + Send + 'static,
    D: Fn(Result<Option<TracedDelivery>>) -> F + Send + Sync + 'static,
{
    fn on_new_delivery(
        &self,
        delivery: Result<Option<TracedDelivery>>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self(delivery))
    }
}

/// What lapin is given.
pub(super) struct Traced<D> {
    delegate: D,
    source: Arc<Source>,
    /// Weak: the consumer holds the delegate, and the feed holds the consumer.
    feed: Weak<Feed>,
    channel: ChannelStatus,
}

impl<D: ConsumerDelegate> Traced<D> {
    pub(super) fn new(delegate: D, feed: &Arc<Feed>) -> Self {
        let channel = feed.channel().clone();
        Self { delegate, source: Arc::clone(&feed.source), feed: Arc::downgrade(feed), channel }
    }

    /// Hands over what was taken from the stream before, which lapin knows nothing of. lapin's own have tasks of its own
    /// runtime; these have tasks of the caller's.
    pub(super) fn take_over(&self, runtime: &Handle, ahead: impl Iterator<Item = Item>) {
        for item in ahead {
            runtime.spawn(lapin::ConsumerDelegate::on_new_delivery(self, item.transpose()));
        }
    }
}

impl<D: ConsumerDelegate> lapin::ConsumerDelegate for Traced<D> {
    fn on_new_delivery(&self, delivery: DeliveryResult) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match delivery {
            Ok(Some(delivery)) => {
                // One that was taken before its channel died is no sign of life.
                if !delivery.acker.poisoned() {
                    self.source.lives();
                }
                let delivery = TracedDelivery::open(delivery, &self.source, self.feed.clone());
                let context = delivery.context().clone();
                // A closure may work before its first await.
                let attached = context.clone().attach();
                let handling = self.delegate.on_new_delivery(Ok(Some(delivery)));
                drop(attached);
                Box::pin(handling.with_context(context))
            }
            Ok(None) => {
                self.source.ended_on(&self.channel);
                self.delegate.on_new_delivery(Ok(None))
            }
            Err(error) => {
                self.source.failed(&error);
                self.delegate.on_new_delivery(Err(error))
            }
        }
    }

    fn drop_prefetched_messages(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.delegate.drop_prefetched_messages()
    }
}
