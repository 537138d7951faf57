//! One message in the hands of its handler.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use journey_trace::SpanGuard;
use journey_trace::attribute::{JOURNEY_MESSAGING_ATTEMPT, JOURNEY_MESSAGING_REDELIVERED};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use lapin::types::AMQPValue;
use lapin::{BasicProperties, Result};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use crate::consumer::{Feed, is_ack_timeout};
use crate::outcome::ConsumeOutcome;
use crate::unsettled::{OpenDelivery, Unsettled};
use crate::{attributes, destination, error_type, headers};

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
    delivery: Delivery,
    open: Arc<OpenDelivery>,
    context: Context,
    unsettled: Arc<Unsettled>,
    /// Weak: a message that is kept must not keep the consumer from being cancelled.
    feed: Weak<Feed>,
    no_ack: bool,
}

impl TracedDelivery {
    /// Starts the span, under the message's own context.
    pub(crate) fn start(delivery: Delivery, feed: &Arc<Feed>) -> Self {
        let span = start_span(&delivery, feed);
        let context = span.context().clone();
        let open = Arc::new(OpenDelivery::new(delivery.delivery_tag, span));
        if !feed.no_ack {
            feed.unsettled.insert(&open);
        }
        let unsettled = Arc::clone(&feed.unsettled);
        Self { delivery, open, context, unsettled, feed: Arc::downgrade(feed), no_ack: feed.no_ack }
    }

    /// The context of this message: its span, and a cell with the ids that came with it.
    pub fn context(&self) -> &Context {
        &self.context
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
        let outcome = handler(self).with_context(self.context.clone()).await;
        if let Err(error) = &outcome {
            self.open.fail(std::any::type_name::<E>(), error_type::description(error));
        }
        outcome
    }

    /// Acknowledges; the span ends as `ack`, or as `ack_lost`, `ack_timeout` or `channel_closed` if it had no effect.
    ///
    /// As lapin's: `Ok(false)` means that it had none, and that the message comes again.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn ack(&self, options: BasicAckOptions) -> Result<bool> {
        let settled = self.delivery.acker.ack(options).await;
        self.settle(ConsumeOutcome::Ack, options.multiple, &settled);
        settled
    }

    /// Refuses; the span ends as `nack_requeue` or `nack_drop`, or as with [`TracedDelivery::ack`].
    ///
    /// # Errors
    /// What lapin says.
    pub async fn nack(&self, options: BasicNackOptions) -> Result<bool> {
        let settled = self.delivery.acker.nack(options).await;
        self.settle(ConsumeOutcome::of_nack(options.requeue), options.multiple, &settled);
        settled
    }

    /// Rejects; the span ends as `reject_requeue` or `reject_drop`, or as with [`TracedDelivery::ack`].
    ///
    /// # Errors
    /// What lapin says.
    pub async fn reject(&self, options: BasicRejectOptions) -> Result<bool> {
        let settled = self.delivery.acker.reject(options).await;
        self.settle(ConsumeOutcome::of_reject(options.requeue), false, &settled);
        settled
    }

    fn settle(&self, meant: ConsumeOutcome, multiple: bool, settled: &Result<bool>) {
        if self.open.is_settled() {
            // A second settlement is `Ok(false)` too; it is not the one that counts.
            return;
        }
        let outcome = match settled {
            Ok(true) => meant,
            // Settled past this wrapper before, by lapin's own acker: how, nobody can tell.
            Ok(false) if !self.delivery.acker.poisoned() => return drop(self.open.end_unsaid()),
            Ok(false) if self.is_timed_out() => ConsumeOutcome::AckTimeout,
            Ok(false) => ConsumeOutcome::AckLost,
            Err(error) if is_ack_timeout(error) => ConsumeOutcome::AckTimeout,
            Err(_) => ConsumeOutcome::ChannelClosed,
        };
        self.open.settle(outcome);
        if multiple && matches!(settled, Ok(true)) {
            self.unsettled.settle(self.delivery.delivery_tag, true, outcome);
        }
    }

    fn is_timed_out(&self) -> bool {
        self.feed.upgrade().is_some_and(|feed| feed.is_timed_out())
    }
}

impl Deref for TracedDelivery {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.delivery
    }
}

impl Drop for TracedDelivery {
    fn drop(&mut self) {
        self.unsettled.remove(&self.open);
        let acker = &self.delivery.acker;
        if self.no_ack {
            self.open.settle(ConsumeOutcome::AutoAck);
        } else if acker.poisoned() {
            self.open.settle(ConsumeOutcome::ChannelClosed);
        } else if acker.usable() {
            self.open.settle(ConsumeOutcome::DroppedUnsettled);
        } else {
            // Settled past this wrapper, as above.
            drop(self.open.end_unsaid());
        }
    }
}

impl fmt::Debug for TracedDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TracedDelivery").field(&self.delivery).finish()
    }
}

fn start_span(delivery: &Delivery, feed: &Feed) -> SpanGuard {
    let (exchange, routing_key, queue) =
        (delivery.exchange.as_str(), delivery.routing_key.as_str(), feed.queue.as_str());
    let name = destination::of_consume(exchange, routing_key, queue);
    let is_anonymous = destination::is_anonymous(queue);
    let span_name = destination::span_name(attributes::CONSUME.name, &name, is_anonymous);
    let properties = &delivery.properties;
    let broker = feed.broker.as_deref();
    let mut attributes =
        attributes::common(attributes::CONSUME, name, is_anonymous, routing_key, properties, broker);
    // Tags count from 1 on each channel; i64 holds more than a channel can ever see.
    let tag = i64::try_from(delivery.delivery_tag).unwrap_or(i64::MAX);
    attributes.push(KeyValue::new("messaging.rabbitmq.message.delivery_tag", tag));
    attributes.push(KeyValue::new(JOURNEY_MESSAGING_REDELIVERED, delivery.redelivered));
    attributes.push(KeyValue::new(JOURNEY_MESSAGING_ATTEMPT, attempt(properties, delivery.redelivered)));
    let parent = headers::extract(properties);
    SpanGuard::start(span_name, SpanKind::Consumer, attributes, links(&parent), &parent)
}

/// The creator, which is the parent too; and the span that is active where the stream is polled, if there is one.
fn links(parent: &Context) -> Vec<Link> {
    let ambient = Context::current();
    [parent.span().span_context(), ambient.span().span_context()]
        .into_iter()
        .filter(|span| span.is_valid())
        .map(|span| Link::with_context(span.clone()))
        .collect()
}

/// Quorum queues count; for others it is known only that it is not the first.
fn attempt(properties: &BasicProperties, redelivered: bool) -> i64 {
    let counted = properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(DELIVERY_COUNT))
        .and_then(number);
    match counted {
        Some(earlier) => earlier.saturating_add(1),
        None => 1 + i64::from(redelivered),
    }
}

fn number(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::LongLongInt(number) => Some(number),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        _ => None,
    }
}

/// Header of [quorum queues](https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling): earlier deliveries.
const DELIVERY_COUNT: &str = "x-delivery-count";
