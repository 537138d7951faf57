//! One connection with one channel, from the declarations to its end.

use std::time::SystemTime;

use journey_model::stream;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind, PublisherConfirm};
use tokio::sync::{Mutex, Notify};
use tokio::time::{interval, timeout};

use super::Refusal;
use super::message::Message;
use crate::limits::{CONFIRM_TIME_MAX, HEARTBEAT_S, LIVENESS_INTERVAL};

/// A connection whose streams are declared and whose channel gives confirms.
pub(crate) struct Session {
    connection: Connection,
    channel: Channel,
    /// lapin numbers a publish and writes its frames in two steps; two at a time could swap their confirms.
    publishing: Mutex<()>,
    /// Somebody saw that this session can no longer be trusted.
    distrusted: Notify,
}

impl Session {
    /// Connects and declares the exchange, both streams and their bindings.
    pub(crate) async fn open(mut uri: AMQPUri) -> lapin::Result<Self> {
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        let name = format!("journey-bridge relay {}", env!("CARGO_PKG_VERSION"));
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connect_uri(uri, properties).await?;
        let channel = connection.create_channel().await?;
        declare(&channel).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, channel, publishing: Mutex::default(), distrusted: Notify::new() })
    }

    /// Publishes all messages, one behind the other, and then waits for all confirms.
    ///
    /// # Errors
    /// Why at least one of them is not surely in the stream. The others may be.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Result<(), Refusal> {
        if self.is_blocked() {
            // The broker reads nothing now; a confirm could only time out.
            return Err(Refusal::Blocked);
        }
        let outcome = timeout(CONFIRM_TIME_MAX, self.publish_confirmed(messages))
            .await
            .unwrap_or(Err(if self.is_blocked() { Refusal::Blocked } else { Refusal::ConfirmTimeout }));
        if outcome.is_err_and(|refusal| refusal != Refusal::Blocked && refusal != Refusal::Nacked) {
            self.distrusted.notify_one();
        }
        outcome
    }

    async fn publish_confirmed(&self, messages: &[Message]) -> Result<(), Refusal> {
        let mut confirms = Vec::with_capacity(messages.len());
        for message in messages {
            confirms.push(self.send(message).await.map_err(|_| Refusal::ChannelFailed)?);
        }
        for confirm in confirms {
            judge(confirm.await)?;
        }
        Ok(())
    }

    async fn send(&self, message: &Message) -> lapin::Result<PublisherConfirm> {
        let _one_at_a_time = self.publishing.lock().await;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = message.properties(SystemTime::now());
        self.channel
            .basic_publish(stream::EXCHANGE.into(), stream::EVENTS.into(), options, &message.body, properties)
            .await
    }

    /// The broker is short of memory or disk and reads nothing from publishers.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Waits until this session is of no more use, and says why.
    ///
    /// The states are polled: a channel can end without an event on lapin's event stream.
    pub(crate) async fn ended(&self) -> String {
        let mut look = interval(LIVENESS_INTERVAL);
        let mut was_blocked = false;
        loop {
            tokio::select! {
                () = self.distrusted.notified() => return "the channel is not trusted any more".to_owned(),
                _ = look.tick() => {}
            }
            if !self.connection.status().connected() {
                return "the connection was lost".to_owned();
            }
            if !self.channel.status().connected() {
                return "the channel was closed".to_owned();
            }
            if was_blocked && !self.is_blocked() {
                self.forget_abandoned_confirms().await;
            }
            was_blocked = self.is_blocked();
        }
    }

    /// Confirms that were given up while the broker was blocked stay with lapin until somebody asks for them.
    async fn forget_abandoned_confirms(&self) {
        // Both outcomes are fine: what remains is found at the next unblocking or with the end of the channel.
        let _ = timeout(CONFIRM_TIME_MAX, self.channel.wait_for_confirms()).await;
    }
}

/// An ack that carries a returned message is no success: the broker acks what it could not route.
///
/// lapin hands a returned message to the next confirm of the channel, and when one frame confirms several, this may
/// be a neighbour's. The session is distrusted then and the streams are declared anew, so that the next try heals.
fn judge(confirmed: lapin::Result<Confirmation>) -> Result<(), Refusal> {
    match confirmed {
        Ok(Confirmation::Ack(None)) => Ok(()),
        Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => Err(Refusal::Returned),
        Ok(Confirmation::Nack(None)) => Err(Refusal::Nacked),
        Ok(Confirmation::NotRequested) | Err(_) => Err(Refusal::ChannelFailed),
    }
}

async fn declare(channel: &Channel) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let none = FieldTable::default();
    channel.exchange_declare(stream::EXCHANGE.into(), ExchangeKind::Topic, durable, none).await?;
    for name in [stream::EVENTS, stream::SAMPLED] {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(name.into(), durable, stream_arguments()).await?;
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(name.into(), stream::EXCHANGE.into(), name.into(), options, none).await?;
    }
    Ok(())
}

fn stream_arguments() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(stream::QUEUE_TYPE.into()));
    arguments.insert("x-max-age".into(), AMQPValue::LongString(stream::AGE_MAX.into()));
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(stream::LENGTH_BYTES_MAX));
    arguments
        .insert("x-stream-max-segment-size-bytes".into(), AMQPValue::LongLongInt(stream::SEGMENT_BYTES_MAX));
    arguments
}
