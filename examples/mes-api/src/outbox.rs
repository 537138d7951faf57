//! Messages that leave: written in the transaction of the change they tell, published afterwards, in their order.
//!
//! A message leaves at least once: it is deleted after the broker confirmed it, so a crash in between sends it again
//! under the same id. Each row carries its journey, and the publish continues it.

use std::sync::Arc;
use std::time::Duration;

use journey::opentelemetry::context::FutureExt;
use journey::sqlx::{PgConnection, PgPool};
use journey::{Attach, Carrier, Stop};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::broker::{Published, Publisher};

/// Messages per transaction of the forwarder.
const BATCH_MESSAGES: i64 = 50;

/// How soon a message leaves at the latest if nobody said that it is there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The longest pause while no queue takes the next message; the first is 1 s, each further one twice as long.
const UNROUTABLE_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The outbox; a handle to it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {
    db: PgPool,
    written: Arc<Notify>,
}

/// A message on its way.
pub(crate) struct Outgoing {
    seq: i64,
    message_id: Uuid,
    routing_key: String,
    body: Value,
    carrier: String,
}

/// How far the forwarder got.
enum Progress {
    /// So many messages left.
    Left(usize),
    /// No queue takes messages of this routing key yet; those behind wait too, so that none overtakes.
    Unroutable(String),
}

impl Outbox {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db, written: Arc::default() }
    }

    /// Says that messages were committed, so that they leave at once.
    pub(crate) fn wake(&self) {
        self.written.notify_one();
    }

    /// Publishes for as long as the broker can be reached, or until the service stops.
    ///
    /// # Errors
    /// The broker or the database cannot be reached.
    pub(crate) async fn forward(&self, publisher: &Publisher, stop: &Stop) -> anyhow::Result<()> {
        let mut pause = Duration::ZERO;
        while !stop.is_asked() {
            match self.forward_batch(publisher, stop).await? {
                Progress::Left(0) => {
                    stop.run_until_asked(timeout(LOOK_EVERY, self.written.notified())).await;
                }
                Progress::Left(_) => pause = Duration::ZERO,
                Progress::Unroutable(routing_key) => {
                    if pause.is_zero() {
                        tracing::warn!(routing_key, "no queue takes these messages yet: they wait");
                    }
                    pause = (pause * 2).clamp(Duration::from_secs(1), UNROUTABLE_PAUSE_MAX);
                    stop.run_until_asked(sleep(pause)).await;
                }
            }
        }
        Ok(())
    }

    /// Publishes the oldest messages.
    ///
    /// A second forwarder, in another process of this service, waits for the lock on the oldest row: the order holds.
    async fn forward_batch(&self, publisher: &Publisher, stop: &Stop) -> anyhow::Result<Progress> {
        // The raw pool: looking for work belongs to no order and would only fill the traces.
        let db: &sqlx::PgPool = &self.db;
        let mut tx = db.begin().await?;
        let batch = sqlx::query_as!(
            Outgoing,
            "SELECT seq, message_id, routing_key, body, carrier FROM outbox ORDER BY seq LIMIT $1 FOR UPDATE",
            BATCH_MESSAGES,
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut confirmed = Vec::with_capacity(batch.len());
        let mut end = Ok(None);
        for message in &batch {
            match message.publish(publisher).await {
                Ok(Published::Confirmed) => confirmed.push(message.seq),
                Ok(Published::Unroutable) => end = Ok(Some(message.routing_key.clone())),
                Err(error) => end = Err(error),
            }
            if !matches!(end, Ok(None)) || stop.is_asked() {
                break;
            }
        }
        sqlx::query!("DELETE FROM outbox WHERE seq = ANY($1)", &confirmed).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(end?.map_or(Progress::Left(confirmed.len()), Progress::Unroutable))
    }
}

impl Outgoing {
    /// Publishes in the journey that wrote the message.
    async fn publish(&self, publisher: &Publisher) -> anyhow::Result<Published> {
        let published = publisher.publish(self.message_id, &self.routing_key, &self.body);
        match self.carrier.parse::<Carrier>() {
            Ok(carrier) => published.with_context(carrier.attach(Attach::Child)).await,
            // The message matters more than its trace.
            Err(_) => published.await,
        }
    }
}

/// Writes a message in the transaction of the change it tells. Call [`Outbox::wake`] after the commit.
pub(crate) async fn write(
    tx: &mut PgConnection,
    routing_key: &str,
    body: &(impl Serialize + Sync),
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (routing_key, body, carrier) VALUES ($1, $2, $3)",
        routing_key,
        Json(body) as _,
        Carrier::current().to_string(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
