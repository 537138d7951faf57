//! RabbitMQ: the connection, the queues of this service, and the way of its messages to the broker.

use std::time::Duration;

use anyhow::bail;
use journey::Stop;
use journey::lapin::{Channel, ChannelExt};
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::outbox::Outbox;

/// The topic exchange of all services.
const EXCHANGE: &str = "orders";
/// Exchange and queue of messages that nobody could work on; people look at these.
const DEAD_LETTERS: &str = "orders.dead";
/// Deliveries of one message before it is dead: it may be the one that kills the process.
const DELIVERIES_MAX: i64 = 5;

/// Pause between two attempts to reach the broker.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the broker may take to greet, or to confirm a message.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// The AMQP delivery mode of messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// A queue of this service.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queue {
    PriceCalculations,
    Productions,
}

impl Queue {
    pub(crate) const ALL: [Self; 2] = [Self::PriceCalculations, Self::Productions];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PriceCalculations => "mes.price_calculations",
            Self::Productions => "mes.productions",
        }
    }

    fn routing_key(self) -> &'static str {
        match self {
            Self::PriceCalculations => "price.requested",
            Self::Productions => "production.requested",
        }
    }
}

/// Connects, waiting for a broker that is away; says so once, not once per attempt.
pub(crate) async fn connect(url: &AMQPUri) -> Connection {
    let mut said = false;
    loop {
        let attempt = Connection::connect_uri(url.clone(), ConnectionProperties::default());
        match timeout(ANSWER_WITHIN, attempt).await {
            Ok(Ok(connection)) => {
                tracing::info!("connected to the broker");
                return connection;
            }
            Ok(Err(error)) if !said => tracing::warn!(%error, "waiting for the broker"),
            Err(_) if !said => tracing::warn!("waiting for the broker: no greeting"),
            _ => {}
        }
        said = true;
        sleep(RETRY_AFTER).await;
    }
}

/// Declares the exchanges and this service's queues. Each service declares the queues it reads; a message for a queue
/// that is not there yet waits in its sender's outbox.
pub(crate) async fn declare(channel: &lapin::Channel) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    channel
        .exchange_declare(DEAD_LETTERS.into(), ExchangeKind::Fanout, durable, FieldTable::default())
        .await?;
    declare_queue(channel, DEAD_LETTERS, DEAD_LETTERS, "", FieldTable::default()).await?;
    for queue in Queue::ALL {
        let mut arguments = FieldTable::default();
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERIES_MAX));
        arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(DEAD_LETTERS.into()));
        declare_queue(channel, queue.name(), EXCHANGE, queue.routing_key(), arguments).await?;
    }
    Ok(())
}

async fn declare_queue(
    channel: &lapin::Channel,
    name: &str,
    exchange: &str,
    routing_key: &str,
    mut arguments: FieldTable,
) -> lapin::Result<()> {
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await?;
    let options = QueueBindOptions::default();
    channel.queue_bind(name.into(), exchange.into(), routing_key.into(), options, FieldTable::default()).await
}

/// Brings the outbox's messages to the broker until the service stops.
pub(crate) async fn forward(outbox: Outbox, url: AMQPUri, stop: Stop) {
    while let Some(connection) = stop.run_until_asked(connect(&url)).await {
        if let Err(error) = forward_over(&outbox, &connection, &stop).await {
            tracing::warn!(error = %format!("{error:#}"), "messages wait in the outbox");
            stop.run_until_asked(sleep(RETRY_AFTER)).await;
        }
    }
}

async fn forward_over(outbox: &Outbox, connection: &Connection, stop: &Stop) -> anyhow::Result<()> {
    let channel = connection.create_channel().await?.traced().on(connection);
    declare(&channel).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    outbox.forward(&Publisher(channel), stop).await
}

/// The way to the broker: a channel with publisher confirms.
pub(crate) struct Publisher(Channel);

/// What the broker did with a message.
pub(crate) enum Published {
    /// It has it safe.
    Confirmed,
    /// No queue takes messages of this routing key: the service that reads them never ran yet.
    Unroutable,
}

impl Publisher {
    /// Publishes one message, and waits for the broker's word.
    ///
    /// # Errors
    /// The broker cannot be reached, or did not keep the message.
    pub(crate) async fn publish(
        &self,
        message_id: Uuid,
        routing_key: &str,
        body: &Value,
    ) -> anyhow::Result<Published> {
        let body = serde_json::to_vec(body)?;
        let properties = BasicProperties::default()
            .with_message_id(message_id.to_string().into())
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT);
        // Mandatory: a message that no queue takes comes back instead of vanishing.
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let publish = async {
            self.0.basic_publish(EXCHANGE.into(), routing_key.into(), options, &body, properties).await?.await
        };
        match timeout(ANSWER_WITHIN, publish).await?? {
            Confirmation::Ack(None) => Ok(Published::Confirmed),
            Confirmation::Ack(Some(_)) => Ok(Published::Unroutable),
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                bail!("the broker did not keep the message")
            }
        }
    }
}
