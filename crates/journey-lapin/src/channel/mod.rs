//! A channel whose publishes and deliveries have spans.

mod state;
mod topology;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions,
    BasicPublishOptions, BasicRejectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Connection, Result};
use opentelemetry::Context;

use crate::consumer::Consumer;
use crate::destination::{Place, Text};
use crate::get::{OpenGet, TracedGetMessage};
use crate::outcome::ConsumeOutcome;
use crate::publish::{OpenPublish, PublisherConfirm};
use crate::unsettled::Unsettled;
use crate::{Settings, watch};

pub(crate) use state::State;
use state::{Broker, Config, Line};

/// Makes a traced channel of lapin's.
pub trait ChannelExt {
    /// The same channel, with spans.
    fn traced(self) -> Channel;
}

impl ChannelExt for lapin::Channel {
    fn traced(self) -> Channel {
        let held = Arc::new(());
        let unsettled = Arc::new(Unsettled::of(&self, Arc::downgrade(&held)));
        Channel { _held: held, inner: self, state: State::new(Config::default(), unsettled) }
    }
}

/// A lapin channel whose publishes and deliveries have spans.
///
/// All of lapin's methods are there; those below have the same parameters and emit spans. See the
/// [crate docs](crate) for an example.
#[derive(Clone)]
pub struct Channel {
    /// Dropped before lapin's, which then closes the channel: that is no death to wonder about.
    _held: Arc<()>,
    inner: lapin::Channel,
    state: Arc<State>,
}

impl Channel {
    /// Says which broker it is: `server.address` and `server.port` of the spans that start from now on.
    #[must_use]
    pub fn at(self, uri: &AMQPUri) -> Self {
        let (address, port) = (Text::kept(&uri.authority.host), uri.authority.port);
        self.configured(|config| config.broker = Some(Broker { address, port }))
    }

    /// Says which connection it belongs to, which lapin's channel does not tell. With it, a publish whose headers are
    /// larger than a frame fails by itself, where the broker would close the whole connection; and publishes that
    /// waited for a blocked connection say so.
    #[must_use]
    pub fn on(self, connection: &Connection) -> Self {
        let frame_max = usize::try_from(connection.configuration().frame_max()).unwrap_or(usize::MAX);
        let line = Line { status: connection.status().clone(), frame_max };
        let channel = self.configured(|config| config.line = Some(line));
        watch::channel(&channel.state);
        channel
    }

    /// Does things differently from the defaults, for publishes and consumers that start from now on.
    #[must_use]
    pub fn with(self, settings: Settings) -> Self {
        self.configured(|config| config.settings = settings)
    }

    /// Clones and consumers made before go on as they were.
    fn configured(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.state.config.clone();
        change(&mut config);
        let state = State::new(config, Arc::clone(&self.state.unsettled));
        Self { _held: self._held, inner: self.inner, state }
    }

    /// Publishes a message with the current context and its business ids in the headers.
    ///
    /// The span starts here and ends when the confirm is there. On a channel without confirms it ends here.
    /// A message that has a `traceparent` already keeps it and its baggage; the span is linked to it.
    ///
    /// # Errors
    /// What lapin says. If the connection is known ([`Channel::on`]), headers larger than a frame are the error that
    /// the broker would close the connection with.
    pub async fn basic_publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> Result<PublisherConfirm> {
        let place = Place { exchange: exchange.as_str(), routing_key: routing_key.as_str(), queue: None };
        let (mut open, properties) = OpenPublish::start(place, &self.state, properties, &Context::current());
        if let Err(error) = open.check_frame(&properties) {
            open.channel_failed(&error);
            return Err(error);
        }
        let wants_confirm = self.inner.status().confirm();
        match self.heard(self.inner.basic_publish(exchange, routing_key, options, payload, properties).await)
        {
            Ok(confirm) if wants_confirm => {
                open.written();
                Ok(PublisherConfirm::waiting(confirm, open))
            }
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
        let consumer = self.heard(self.inner.basic_consume(queue, consumer_tag, options, arguments).await)?;
        Ok(Consumer::new(consumer, options.no_ack, &self.state, self.inner.status().clone()))
    }

    /// Asks for one message. The call has a span, linked to the creator of the message; so has the message, from here
    /// to its settlement, as if it came from a consumer.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_get(
        &self,
        queue: ShortString,
        options: BasicGetOptions,
    ) -> Result<Option<TracedGetMessage>> {
        let get = OpenGet::start(queue.as_str(), &self.state);
        let got = self.heard(self.inner.basic_get(queue.clone(), options).await);
        get.end(got, queue, options.no_ack)
    }

    /// Cancels a consumer, so that the end of its stream is no loss.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_cancel(&self, consumer_tag: ShortString, options: BasicCancelOptions) -> Result<()> {
        watch::cancelled(&self.state, consumer_tag.as_str());
        self.inner.basic_cancel(consumer_tag, options).await
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

    /// Most bytes of headers of a message that is published here.
    pub(crate) fn header_bytes_max(&self) -> usize {
        self.state.header_bytes_max()
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// What the broker says to a call is why the channel dies, if it does.
    fn heard<T>(&self, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|error| self.state.unsettled.death.heard(error))
    }

    fn settle(&self, delivery_tag: u64, multiple: bool, meant: ConsumeOutcome, settled: &Result<()>) {
        let outcome = match settled {
            Ok(()) => meant,
            Err(error) => {
                self.state.unsettled.death.heard(error);
                watch::look_at_channel(&self.state);
                self.state.unsettled.death.outcome_or(ConsumeOutcome::ChannelClosed)
            }
        };
        self.state.unsettled.settle(delivery_tag, multiple, outcome);
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
