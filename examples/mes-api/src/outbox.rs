//! Messages that leave: written in the transaction of the change they tell, published afterwards, in their order.
//!
//! A message leaves at least once: it is deleted after the broker confirmed it, so a crash in between sends it again
//! under the same id. Each row carries its journey, and the publish continues it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use journey::opentelemetry::context::FutureExt;
use journey::sqlx::{PgConnection, PgPool};
use journey::{Attach, Carrier};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::broker::Publisher;

/// Messages per transaction of the forwarder.
const BATCH_MESSAGES: i64 = 50;

/// How soon a message leaves at the latest if nobody said that it is there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The outbox; a handle to it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {
    db: PgPool,
    written: Arc<Notify>,
}

/// A message on its way.
pub(crate) struct Outgoing {
    seq: i64,
    pub(crate) message_id: Uuid,
    pub(crate) routing_key: String,
    pub(crate) body: Value,
    carrier: String,
}

impl Outbox {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db, written: Arc::default() }
    }

    /// Says that messages were committed, so that they leave at once.
    pub(crate) fn wake(&self) {
        self.written.notify_one();
    }

    /// Publishes for as long as the broker can be reached.
    ///
    /// # Errors
    /// The broker or the database cannot be reached.
    pub(crate) async fn forward(&self, publisher: &Publisher) -> anyhow::Result<Infallible> {
        loop {
            if self.forward_batch(publisher).await? == 0 {
                let _ = tokio::time::timeout(LOOK_EVERY, self.written.notified()).await;
            }
        }
    }

    /// Publishes the oldest messages and gives their number.
    ///
    /// A second forwarder, in another process of this service, waits for the lock on the oldest row: the order holds.
    async fn forward_batch(&self, publisher: &Publisher) -> anyhow::Result<usize> {
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
        let mut failed = Ok(());
        for message in &batch {
            match message.publish(publisher).await {
                Ok(()) => confirmed.push(message.seq),
                Err(error) => {
                    // Those behind wait too, so that none overtakes.
                    failed = Err(error);
                    break;
                }
            }
        }
        sqlx::query!("DELETE FROM outbox WHERE seq = ANY($1)", &confirmed).execute(&mut *tx).await?;
        tx.commit().await?;
        failed.map(|()| confirmed.len())
    }
}

impl Outgoing {
    /// Publishes in the journey that wrote the message.
    async fn publish(&self, publisher: &Publisher) -> anyhow::Result<()> {
        match self.carrier.parse::<Carrier>() {
            Ok(carrier) => publisher.publish(self).with_context(carrier.attach(Attach::Child)).await,
            // The message matters more than its trace.
            Err(_) => publisher.publish(self).await,
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
