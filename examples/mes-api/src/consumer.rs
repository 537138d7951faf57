//! Reads this service's queues, for the life of the process.
//!
//! Messages of one queue are worked on one after the other. A message is acknowledged after its transaction. While the
//! database is away the message at hand waits here, and the rest in the broker; a message that can never succeed goes to
//! the dead letters at once.

use std::time::Duration;

use anyhow::bail;
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use journey::lapin::{ChannelExt, TracedDelivery};
use lapin::Connection;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use tokio::time::sleep;
use uuid::Uuid;

use crate::broker::{self, Queue};
use crate::errors::MesError;
use crate::{Mes, jobs, productions};

/// Messages of one queue that the broker hands out in advance.
const PREFETCH: u16 = 16;
/// Pause before the same message is tried again, and before the broker is.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Consumes, again and again after each loss of the broker.
pub(crate) async fn run(mes: Mes, url: String) {
    loop {
        let connection = broker::connect(&url).await;
        if let Err(error) = consume_all(&mes, &connection).await {
            tracing::warn!(error = %format!("{error:#}"), "the consumers stopped");
        }
        sleep(RETRY_AFTER).await;
    }
}

async fn consume_all(mes: &Mes, connection: &Connection) -> anyhow::Result<()> {
    broker::declare(&connection.create_channel().await?).await?;
    try_join_all(Queue::ALL.map(|queue| consume(mes, connection, queue))).await?;
    Ok(())
}

async fn consume(mes: &Mes, connection: &Connection, queue: Queue) -> anyhow::Result<()> {
    let channel = connection.create_channel().await?.traced();
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let tag = "".into();
    let options = BasicConsumeOptions::default();
    let mut deliveries =
        channel.basic_consume(queue.name().into(), tag, options, FieldTable::default()).await?;
    while let Some(delivery) = deliveries.next().await {
        let delivery = delivery?;
        delivery.process(async |delivery| work(mes, queue, delivery).await).await?;
    }
    bail!("the broker ended the consumer of {}", queue.name())
}

/// Works on one message until its fate is known, then tells the broker.
async fn work(mes: &Mes, queue: Queue, delivery: &TracedDelivery) -> lapin::Result<()> {
    loop {
        match handle(mes, queue, delivery).await {
            Ok(()) => return delivery.ack(BasicAckOptions::default()).await.map(drop),
            Err(error) if error.is_transient() => {
                tracing::warn!(queue = queue.name(), cause = std::error::Error::source(&error), "{error}");
                sleep(RETRY_AFTER).await;
            }
            Err(error) => {
                tracing::error!(queue = queue.name(), cause = std::error::Error::source(&error), "{error}");
                return delivery.reject(BasicRejectOptions { requeue: false }).await.map(drop);
            }
        }
    }
}

async fn handle(mes: &Mes, queue: Queue, delivery: &TracedDelivery) -> Result<(), MesError> {
    let id = message_id(delivery)?;
    let body = &delivery.data;
    match queue {
        Queue::PriceCalculations => jobs::accept(mes, id, serde_json::from_slice(body)?).await,
        Queue::Productions => productions::take(mes, id, serde_json::from_slice(body)?).await,
    }
}

fn message_id(delivery: &TracedDelivery) -> Result<Uuid, MesError> {
    let id = delivery.properties.message_id().as_ref().ok_or(MesError::NoMessageId)?;
    id.as_str().parse().map_err(|_| MesError::NoMessageId)
}
