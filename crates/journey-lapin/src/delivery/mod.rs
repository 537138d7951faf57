//! One message in the hands of its handler.

mod republish;
mod settle;
mod start;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Weak};

use journey_trace::{StageBuilder, stage};
use lapin::message::Delivery;
use opentelemetry::Context;

use crate::consumer::{Feed, Source, Taken};
use crate::destination::Destination;
use crate::error_type;
use crate::outcome::ConsumeOutcome;
use crate::unsettled::{OpenDelivery, SharedSpan};

pub(crate) use start::links_of_one;

/// A delivery with its span, which ends when the message is settled.
///
/// It derefs to lapin's delivery. Its context, with the span, the creator's ids and a fresh cell, is
/// [`TracedDelivery::context`]; [`TracedDelivery::process`] runs a handler in it.
///
/// ```no_run
/// use journey_lapin::TracedDelivery;
/// use lapin::options::{BasicAckOptions, BasicNackOptions};
/// use opentelemetry::context::FutureExt;
///
/// # async fn calculate(_: &[u8]) -> Result<(), std::fmt::Error> { Ok(()) }
/// async fn handle(delivery: TracedDelivery) -> lapin::Result<()> {
///     let outcome = delivery.process(async |delivery| calculate(&delivery.data).await).await;
///     match outcome {
///         Ok(()) => delivery.ack(BasicAckOptions::default()).await?,
///         Err(_) => delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await?,
///     };
///     Ok(())
/// }
/// ```
pub struct TracedDelivery {
    open: Arc<OpenDelivery>,
    /// Weak: a message that is kept must not keep the consumer from being cancelled.
    feed: Weak<Feed>,
}

impl TracedDelivery {
    pub(crate) fn start(delivery: Delivery, feed: &Arc<Feed>) -> Self {
        Self::open(delivery, &feed.source, Arc::downgrade(feed))
    }

    /// Starts the span, under the message's own context.
    pub(crate) fn open(delivery: Delivery, source: &Arc<Source>, feed: Weak<Feed>) -> Self {
        Self::held(start::alone(delivery, source), feed)
    }

    /// The same under the span of a batch.
    pub(crate) fn in_batch(
        taken: Taken,
        feed: &Arc<Feed>,
        destination: &Arc<Destination>,
        span: &Arc<SharedSpan>,
        batch: &Context,
    ) -> Self {
        let open = start::in_batch(taken, &feed.source, destination, span, batch);
        Self::held(open, Arc::downgrade(feed))
    }

    fn held(open: Arc<OpenDelivery>, feed: Weak<Feed>) -> Self {
        if !open.source.no_ack {
            open.source.state.unsettled.insert(&open);
        }
        Self { open, feed }
    }

    /// The context of this message: its span, and a cell with the ids that came with it.
    pub fn context(&self) -> &Context {
        &self.open.context
    }

    /// Number of this delivery among all of its message, from 1, as far as it is known: quorum queues count, other
    /// queues only tell a first delivery from a later one.
    pub fn attempt(&self) -> u32 {
        u32::try_from(self.open.attempt).unwrap_or(u32::MAX)
    }

    /// A stage on this message, with the number of the delivery as its attempt.
    ///
    /// Long work belongs into one: it reports its start at once and beats while it runs, so that work that is slow is
    /// told from work that died, before the message's span ends and whatever the sampler decided.
    ///
    /// ```no_run
    /// # async fn handle(delivery: journey_lapin::TracedDelivery) -> Result<(), std::fmt::Error> {
    /// let calculated = delivery
    ///     .stage("price.estimate")
    ///     .run(async |stage| {
    ///         stage.progress(0.5);
    ///         Ok(())
    ///     })
    ///     .await;
    /// # calculated
    /// # }
    /// ```
    pub fn stage(&self, name: impl Into<Cow<'static, str>>) -> StageBuilder {
        stage(name).parent(self.context()).attempt(self.attempt())
    }

    /// Runs a handler in the context of this message. An error marks the span; settling is the caller's business,
    /// inside or after.
    ///
    /// # Errors
    /// What the handler returns.
    pub async fn process<T, E, F>(&self, handler: F) -> std::result::Result<T, E>
    where
        E: fmt::Display,
        F: AsyncFnOnce(&Self) -> std::result::Result<T, E>,
    {
        let mut handling = pin!(handler(self));
        let outcome = poll_fn(|cx| {
            let _attached = self.context().clone().attach();
            handling.as_mut().poll(cx)
        });
        let outcome = outcome.await;
        if let Err(error) = &outcome {
            self.open.fail(std::any::type_name::<E>(), error_type::description(error));
        }
        outcome
    }
}

impl Deref for TracedDelivery {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.open.delivery
    }
}

impl Drop for TracedDelivery {
    fn drop(&mut self) {
        if self.open.is_settled() {
            return;
        }
        if self.open.source.no_ack {
            self.open.settle(ConsumeOutcome::AutoAck);
        } else if self.acker.poisoned() {
            self.open.settle(self.of_dead_channel(ConsumeOutcome::ChannelClosed));
        } else if self.acker.usable() {
            self.open.settle(ConsumeOutcome::DroppedUnsettled);
        } else {
            // Settled past this wrapper, by lapin's own acker: how, nobody can tell.
            self.open.end_unsaid();
        }
    }
}

impl fmt::Debug for TracedDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TracedDelivery").field(&self.open.delivery).finish()
    }
}
