//! A message that is sent on: once more to be worked on, or as the answer to its sender.

use journey_trace::propagation::{BAGGAGE, baggage_header, traceparent_header};
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Result};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::TraceContextExt as _;

use crate::channel::Channel;
use crate::headers::{ATTEMPT, PREVIOUS, SENT_MS, Writer};
use crate::publish::PublisherConfirm;

use super::TracedDelivery;

impl TracedDelivery {
    /// Publishes the message once more, to be tried later or elsewhere, as part of the same story: it keeps the
    /// context of its creator, has the ids that are known by now, counts one attempt more, and names this one so that
    /// the next is linked to it.
    ///
    /// Body and properties stay, except `user_id`, which the broker checks, the broker's own headers (`x-*`), which would
    /// be taken for its word, and `CC` and `BCC`: the queues they name have their copy. The message at hand is still to be settled: acknowledge it after the confirm
    /// of this one, then nothing is lost.
    ///
    /// ```no_run
    /// use journey_lapin::{Channel, TracedDelivery};
    /// use lapin::options::{BasicAckOptions, BasicPublishOptions};
    ///
    /// async fn try_later(channel: &Channel, delivery: &TracedDelivery) -> lapin::Result<()> {
    ///     let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    ///     delivery.republish(channel, "retries".into(), "prices".into(), options).await?.await?;
    ///     delivery.ack(BasicAckOptions::default()).await.map(drop)
    /// }
    /// ```
    ///
    /// # Errors
    /// What lapin says.
    pub async fn republish(
        &self,
        channel: &Channel,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> Result<PublisherConfirm> {
        let properties = self.properties_of_next(channel.header_bytes_max());
        let publish = channel.basic_publish(exchange, routing_key, options, &self.data, properties);
        publish.with_context(self.context().clone()).await
    }

    /// Answers to where the message wants its answer (`reply_to`), with its `correlation_id`, in its context. `None`:
    /// it wants none.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn reply(
        &self,
        channel: &Channel,
        payload: &[u8],
        properties: BasicProperties,
    ) -> Result<Option<PublisherConfirm>> {
        let Some(to) = self.properties.reply_to().clone() else { return Ok(None) };
        let properties = match self.properties.correlation_id().clone() {
            Some(id) => properties.with_correlation_id(id),
            None => properties,
        };
        let options = BasicPublishOptions::default();
        let publish = channel.basic_publish("".into(), to, options, payload, properties);
        publish.with_context(self.context().clone()).await.map(Some)
    }

    fn properties_of_next(&self, header_bytes_max: usize) -> BasicProperties {
        let properties = without_user_id(&self.properties);
        let mut headers = FieldTable::default();
        for (key, value) in self.properties.headers().iter().flatten() {
            if !is_left_behind(key.as_str()) {
                headers.insert(key.clone(), value.clone());
            }
        }
        let properties = properties.with_headers(headers);
        let mut writer = Writer::of(&properties, header_bytes_max);
        writer.put(ATTEMPT, AMQPValue::LongLongInt(self.open.attempt.saturating_add(1)));
        if let Some(this) = traceparent_header(self.context().span().span_context()) {
            writer.put(PREVIOUS, AMQPValue::LongString(this.as_bytes().into()));
        }
        if let Some(baggage) = baggage_header(self.context()) {
            writer.put(BAGGAGE, AMQPValue::LongString(baggage.into()));
        }
        writer.into_properties(properties)
    }
}

/// A copy without the headers and the user: the broker refuses a message in the name of another.
fn without_user_id(from: &BasicProperties) -> BasicProperties {
    type With = fn(BasicProperties, ShortString) -> BasicProperties;
    let texts: [(&Option<ShortString>, With); 8] = [
        (from.content_type(), BasicProperties::with_content_type),
        (from.content_encoding(), BasicProperties::with_content_encoding),
        (from.correlation_id(), BasicProperties::with_correlation_id),
        (from.reply_to(), BasicProperties::with_reply_to),
        (from.expiration(), BasicProperties::with_expiration),
        (from.message_id(), BasicProperties::with_message_id),
        (from.kind(), BasicProperties::with_type),
        (from.app_id(), BasicProperties::with_app_id),
    ];
    let mut copy = BasicProperties::default();
    for (text, with) in texts {
        if let Some(text) = text {
            copy = with(copy, text.clone());
        }
    }
    if let Some(mode) = *from.delivery_mode() {
        copy = copy.with_delivery_mode(mode);
    }
    if let Some(priority) = *from.priority() {
        copy = copy.with_priority(priority);
    }
    match *from.timestamp() {
        Some(timestamp) => copy.with_timestamp(timestamp),
        None => copy,
    }
}

/// Headers that the next message does not take over: what only the broker writes; what names further queues, which have
/// their copy already; and those of ours that are about this one.
fn is_left_behind(key: &str) -> bool {
    key.starts_with("x-") || LEFT_BEHIND.contains(&key)
}

/// `CC` and `BCC`: [sender-selected distribution](https://www.rabbitmq.com/docs/sender-selected).
const LEFT_BEHIND: [&str; 7] = ["BCC", "CC", "timestamp_in_ms", ATTEMPT, BAGGAGE, PREVIOUS, SENT_MS];
