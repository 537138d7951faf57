//! A channel whose publishes and deliveries have spans.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicRejectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Result};
use opentelemetry::Context;

use crate::consumer::Consumer;
use crate::outcome::ConsumeOutcome;
use crate::publish::{self, OpenPublish, PublisherConfirm};
use crate::unsettled::Unsettled;

/// Makes a traced channel of lapin's.
pub trait ChannelExt {
    /// The same channel, with spans.
    fn traced(self) -> Channel;
}

impl ChannelExt for lapin::Channel {
    fn traced(self) -> Channel {
        Channel { inner: self, broker: None, unsettled: Arc::default() }
    }
}

/// A lapin channel whose publishes and deliveries have spans.
///
/// All of lapin's methods are there; those below have the same parameters and emit spans. See the
/// [crate docs](crate) for an example.
#[derive(Clone)]
pub struct Channel {
    inner: lapin::Channel,
    broker: Option<Arc<Broker>>,
    unsettled: Arc<Unsettled>,
}

impl Channel {
    /// Says which broker it is: `server.address` and `server.port` of the spans that start from now on.
    #[must_use]
    pub fn at(mut self, uri: &AMQPUri) -> Self {
        let (address, port) = (uri.authority.host.as_str().into(), uri.authority.port);
        self.broker = Some(Arc::new(Broker { address, port }));
        self
    }

    /// Publishes a message with the current context and its business ids in the headers.
    ///
    /// The span starts here and ends when the confirm is there. On a channel without confirms it ends here.
    /// A message that has a `traceparent` already keeps its headers as they are; the span is linked to it.
    ///
    /// # Errors
    /// What lapin says; nothing of our own.
    pub async fn basic_publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> Result<PublisherConfirm> {
        let to = publish::Target { exchange: exchange.as_str(), routing_key: routing_key.as_str() };
        let (open, properties) =
            OpenPublish::start(to, self.broker.as_deref(), properties, &Context::current());
        let wants_confirm = self.inner.status().confirm();
        match self.inner.basic_publish(exchange, routing_key, options, payload, properties).await {
            Ok(confirm) if wants_confirm => Ok(PublisherConfirm::waiting(confirm, open)),
            Ok(confirm) => Ok(PublisherConfirm::not_requested(confirm, open)),
            Err(error) => {
                open.channel_failed(&error);
                Err(error)
            }
        }
    }

    /// Consumes a queue; each message of the stream has a span.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_consume(
        &self,
        queue: ShortString,
        consumer_tag: ShortString,
        options: BasicConsumeOptions,
        arguments: FieldTable,
    ) -> Result<Consumer> {
        let consumer = self.inner.basic_consume(queue, consumer_tag, options, arguments).await?;
        Ok(Consumer::new(consumer, options.no_ack, self.broker.clone(), Arc::clone(&self.unsettled)))
    }

    /// Acknowledges by delivery tag, and ends the spans of all deliveries it covers.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_ack(&self, delivery_tag: u64, options: BasicAckOptions) -> Result<()> {
        let settled = self.inner.basic_ack(delivery_tag, options).await;
        self.settle(delivery_tag, options.multiple, ConsumeOutcome::Ack, &settled);
        settled
    }

    /// Refuses by delivery tag, and ends the spans of all deliveries it covers.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_nack(&self, delivery_tag: u64, options: BasicNackOptions) -> Result<()> {
        let settled = self.inner.basic_nack(delivery_tag, options).await;
        self.settle(delivery_tag, options.multiple, ConsumeOutcome::of_nack(options.requeue), &settled);
        settled
    }

    /// Rejects by delivery tag, and ends the span of the delivery.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_reject(&self, delivery_tag: u64, options: BasicRejectOptions) -> Result<()> {
        let settled = self.inner.basic_reject(delivery_tag, options).await;
        self.settle(delivery_tag, false, ConsumeOutcome::of_reject(options.requeue), &settled);
        settled
    }

    fn settle(&self, delivery_tag: u64, multiple: bool, meant: ConsumeOutcome, settled: &Result<()>) {
        let outcome = if settled.is_ok() { meant } else { ConsumeOutcome::ChannelClosed };
        self.unsettled.settle(delivery_tag, multiple, outcome);
    }
}

impl Deref for Channel {
    type Target = lapin::Channel;

    fn deref(&self) -> &lapin::Channel {
        &self.inner
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("id", &self.inner.id()).finish_non_exhaustive()
    }
}

/// Which broker it is, as a client sees it.
pub(crate) struct Broker {
    /// `server.address`.
    pub(crate) address: Arc<str>,
    /// `server.port`.
    pub(crate) port: u16,
}
