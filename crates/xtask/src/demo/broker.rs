//! A RabbitMQ of somebody else: used only if nothing of ours is in it, and left as it was.

use anyhow::{Context, Result, bail};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};

/// Refuses a broker that already has one of the demo's queues: somebody's messages may be in it.
pub(crate) async fn ensure_empty(url: &str) -> Result<()> {
    let connection = connect(url).await?;
    for queue in QUEUES {
        // A passive declaration of a queue that is not there closes the channel, hence one for each.
        let channel = connection.create_channel().await?;
        if exists(&channel, queue).await {
            bail!(
                "the broker of JOURNEY_AMQP_URL already has the queue {queue}; the demo needs one without it"
            );
        }
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// Removes the demo's queues and exchanges.
pub(crate) async fn clear(url: &str) -> Result<()> {
    let connection = connect(url).await?;
    let channel = connection.create_channel().await?;
    for queue in QUEUES {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
    }
    for exchange in EXCHANGES {
        channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}

async fn connect(url: &str) -> Result<Connection> {
    Connection::connect(url, ConnectionProperties::default()).await.context("cannot reach RabbitMQ")
}

async fn exists(channel: &Channel, queue: &str) -> bool {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    channel.queue_declare(queue.into(), passive, FieldTable::default()).await.is_ok()
}

/// All queues and streams of the services, the relay and the analyzer.
const QUEUES: [&str; 9] = [
    "crm.price_failures",
    "crm.price_requests",
    "crm.prices",
    "crm.statuses",
    "mes.price_calculations",
    "mes.productions",
    "orders.dead",
    "traces.events",
    "traces.sampled",
];

const EXCHANGES: [&str; 3] = ["orders", "orders.dead", "traces"];
