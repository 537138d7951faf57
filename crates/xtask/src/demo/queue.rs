//! Takes messages off a queue before the service sees them.

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::{Duration, timeout};

/// All messages of one queue, kept from its service while this value lives.
///
/// A consumer of higher priority gets every new message. None of them is given back one by one: each return counts as a
/// delivery, and after five the broker takes a message for dead. All go back at once, at the end.
pub(crate) struct HeldQueue {
    connection: Connection,
    channel: Channel,
    consumer: Consumer,
    held: Vec<Delivery>,
}

impl HeldQueue {
    /// Begins to keep the messages of `queue`.
    pub(crate) async fn hold(amqp_url: &str, queue: &str) -> Result<Self> {
        let connection = Connection::connect(amqp_url, ConnectionProperties::default())
            .await
            .context("cannot reach RabbitMQ")?;
        let channel = connection.create_channel().await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-priority".into(), AMQPValue::LongInt(PRIORITY));
        let consumer = channel
            .basic_consume(queue.into(), "journey-demo".into(), BasicConsumeOptions::default(), arguments)
            .await
            .with_context(|| format!("cannot consume {queue}"))?;
        Ok(Self { connection, channel, consumer, held: Vec::new() })
    }

    /// Waits for the message about an order and drops it: acknowledged, and nobody worked on it.
    pub(crate) async fn lose(&mut self, order: &str) -> Result<()> {
        let message = self.message_of(order).await?;
        message.ack(BasicAckOptions::default()).await?;
        Ok(())
    }

    /// Waits until the message about an order is here, and keeps it.
    pub(crate) async fn catch(&mut self, order: &str) -> Result<()> {
        let message = self.message_of(order).await?;
        self.held.push(message);
        Ok(())
    }

    /// Gives back what is held; the service goes on.
    pub(crate) async fn release(self) -> Result<()> {
        // First no new ones, then the old ones: otherwise they would come straight back here.
        self.channel.basic_cancel("journey-demo".into(), Default::default()).await?;
        for message in &self.held {
            message.nack(BasicNackOptions { requeue: true, multiple: false }).await?;
        }
        // What arrived meanwhile and was never read goes back with the connection.
        self.connection.close(200, "done".into()).await?;
        Ok(())
    }

    async fn message_of(&mut self, order: &str) -> Result<Delivery> {
        if let Some(index) = self.held.iter().position(|message| is_about(message, order)) {
            return Ok(self.held.swap_remove(index));
        }
        let search = async {
            while let Some(message) = self.consumer.next().await {
                let message = message?;
                if is_about(&message, order) {
                    return Ok(message);
                }
                self.held.push(message);
            }
            bail!("RabbitMQ closed the connection")
        };
        timeout(MESSAGE_WAIT, search).await.with_context(|| format!("no message about {order} came"))?
    }
}

/// The body is JSON with the order's id in it, between quotes.
fn is_about(message: &Delivery, order: &str) -> bool {
    let id = format!("\"{order}\"");
    message.data.windows(id.len()).any(|part| part == id.as_bytes())
}

const PRIORITY: i32 = 10;
/// A message leaves the outbox within a second; longer means that it went elsewhere.
const MESSAGE_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use journey_testkit::env_url;
    use lapin::{
        BasicProperties,
        options::{BasicPublishOptions, BasicQosOptions, QueueDeclareOptions, QueueDeleteOptions},
    };

    use super::*;

    const QUEUE: &str = "journey.demo.test";

    async fn publish(channel: &Channel, order: &str) {
        let body = format!(r#"{{"order_id": "{order}"}}"#);
        let options = BasicPublishOptions::default();
        let publish = channel.basic_publish(
            "".into(),
            QUEUE.into(),
            options,
            body.as_bytes(),
            BasicProperties::default(),
        );
        publish.await.expect("published").await.expect("confirmed");
    }

    /// Scenario: a service consumes a quorum queue; messages about three orders come while the queue is held, and the
    /// second is dropped.
    /// Guarantees: the service gets the other two after the release and nothing before, and never the dropped one.
    #[tokio::test]
    async fn one_message_is_lost_and_the_others_wait() {
        let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
        let connection =
            Connection::connect(&url, ConnectionProperties::default()).await.expect("RabbitMQ is there");
        let channel = connection.create_channel().await.expect("a channel");
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        channel
            .queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), arguments)
            .await
            .expect("a queue");
        channel.basic_qos(16, BasicQosOptions::default()).await.expect("a prefetch");
        let consume = channel.basic_consume(
            QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut service = consume.await.expect("a consumer");

        let mut held = HeldQueue::hold(&url, QUEUE).await.expect("held");
        for order in ["ORD-1", "ORD-2", "ORD-3"] {
            publish(&channel, order).await;
        }
        held.catch("ORD-1").await.expect("it comes");
        held.lose("ORD-2").await.expect("it comes");
        assert!(
            timeout(Duration::from_millis(300), service.next()).await.is_err(),
            "the service gets nothing"
        );
        held.release().await.expect("released");
        let mut got = Vec::new();
        while let Ok(Some(message)) = timeout(Duration::from_secs(2), service.next()).await {
            let message = message.expect("a message");
            got.push(String::from_utf8_lossy(&message.data).into_owned());
            message.ack(BasicAckOptions::default()).await.expect("acknowledged");
        }
        got.sort();
        channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await.expect("deleted");
        assert_eq!(got, [r#"{"order_id": "ORD-1"}"#, r#"{"order_id": "ORD-3"}"#]);
    }
}
