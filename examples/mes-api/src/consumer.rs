//! Reads one queue of this service until the service stops.
//!
//! Messages of a queue are worked on one after the other. A message is acknowledged after its transaction. While the
//! database is away the message at hand waits here, and the rest in the broker; a message that can never succeed goes to
//! the dead letters at once.

use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::StreamExt;
use journey::Stop;
use journey::lapin::{ChannelExt, TracedDelivery};
use lapin::Connection;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use tokio::time::sleep;
use uuid::Uuid;

use crate::broker::{self, Queue};
use crate::errors::MesError;
use crate::{Mes, inbox, jobs, productions};

/// Messages that the broker hands out at a time. It counts a delivery of each when a process dies, so a message that
/// kills the process would take others with it to the dead letters.
const PREFETCH: u16 = 1;
/// Pause before the same message is tried again, and before the broker is.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a message waits here for the database. After 30 minutes RabbitMQ would take it back with the channel.
/// <https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout>
const WAIT_MAX: Duration = Duration::from_secs(25 * 60);

/// Consumes, again and again after each loss of the broker.
pub(crate) async fn run(mes: Mes, queue: Queue, url: AMQPUri, stop: Stop) {
    while let Some(connection) = stop.run_until_asked(connect(&mes, &url)).await {
        if let Err(error) = consume(&mes, queue, &connection, &stop).await {
            tracing::warn!(queue = queue.name(), error = %format!("{error:#}"), "a consumer stopped");
            stop.run_until_asked(sleep(RETRY_AFTER)).await;
        }
    }
}

/// Connects once messages can be worked on: an outage of the database costs at most one of a message's few deliveries.
async fn connect(mes: &Mes, url: &AMQPUri) -> Connection {
    inbox::wait_for_database(&mes.db).await;
    broker::connect(url).await
}

async fn consume(mes: &Mes, queue: Queue, connection: &Connection, stop: &Stop) -> anyhow::Result<()> {
    let channel = connection.create_channel().await?.traced().on(connection);
    broker::declare(&channel).await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let tag = "".into();
    let options = BasicConsumeOptions::default();
    let mut deliveries =
        channel.basic_consume(queue.name().into(), tag, options, FieldTable::default()).await?;
    // Told to stop, it finishes the message at hand: no transaction is left in the middle of its commit.
    while let Some(next) = stop.run_until_asked(deliveries.next()).await {
        let Some(delivery) = next else { bail!("the broker ended it") };
        delivery?.process(async |delivery| work(mes, queue, delivery, stop).await).await?;
    }
    Ok(())
}

/// Works on one message until its fate is known, then tells the broker.
async fn work(mes: &Mes, queue: Queue, delivery: &TracedDelivery, stop: &Stop) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match handle(mes, queue, delivery).await {
            Ok(()) => return Ok(delivery.ack(BasicAckOptions::default()).await.map(drop)?),
            Err(error) if error.is_transient() => {
                tracing::warn!(queue = queue.name(), cause = std::error::Error::source(&error), "{error}");
                let waited = stop.run_until_asked(sleep(RETRY_AFTER)).await;
                if waited.is_none() || began.elapsed() > WAIT_MAX {
                    // Neither acknowledged nor refused: it goes back with the connection.
                    return Err(error.into());
                }
            }
            Err(error) => {
                tracing::error!(queue = queue.name(), cause = std::error::Error::source(&error), "{error}");
                return Ok(delivery.reject(BasicRejectOptions { requeue: false }).await.map(drop)?);
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
