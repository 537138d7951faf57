//! Messages that leave: written in the transaction of the change they tell, delivered afterwards, in their order.
//!
//! A message leaves at least once: it is deleted after the receiver confirmed it, so a crash in between sends it again
//! under the same id. Each row carries its journey, and the delivery continues it.

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

/// Messages per transaction of a forwarder.
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
    /// Routing key or path.
    pub(crate) address: String,
    pub(crate) body: Value,
    carrier: String,
}

/// What became of a message.
pub(crate) enum Delivery {
    /// The receiver has it.
    Confirmed,
    /// The receiver will never take it.
    Refused(String),
}

/// A way to one receiver.
pub(crate) trait Transport: Sync {
    /// The receiver's word in the table.
    const RECEIVER: &'static str;

    /// Hands one message over, and waits until the receiver has it.
    ///
    /// # Errors
    /// The receiver cannot be reached: the message and all behind it wait.
    fn deliver(&self, message: &Outgoing) -> impl Future<Output = anyhow::Result<Delivery>> + Send;
}

impl Outbox {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db, written: Arc::default() }
    }

    /// Says that messages were committed, so that they leave at once.
    pub(crate) fn wake(&self) {
        self.written.notify_waiters();
    }

    /// Delivers to one receiver for as long as it can be reached.
    ///
    /// # Errors
    /// The receiver or the database cannot be reached.
    pub(crate) async fn forward<T: Transport>(&self, transport: &T) -> anyhow::Result<Infallible> {
        loop {
            // Made before looking, so that a message written meanwhile is not missed.
            let written = self.written.notified();
            if self.forward_batch(transport).await? == 0 {
                let _ = tokio::time::timeout(LOOK_EVERY, written).await;
            }
        }
    }

    /// Delivers the oldest messages and gives their number.
    ///
    /// A second forwarder, in another process of this service, waits for the lock on the oldest row: the order holds.
    async fn forward_batch<T: Transport>(&self, transport: &T) -> anyhow::Result<usize> {
        // The raw pool: looking for work belongs to no order and would only fill the traces.
        let db: &sqlx::PgPool = &self.db;
        let mut tx = db.begin().await?;
        let batch = sqlx::query_as!(
            Outgoing,
            "SELECT seq, message_id, address, body, carrier FROM outbox
             WHERE receiver = $1 AND refused IS NULL ORDER BY seq LIMIT $2 FOR UPDATE",
            T::RECEIVER,
            BATCH_MESSAGES,
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut confirmed = Vec::with_capacity(batch.len());
        let mut failed = Ok(());
        for message in &batch {
            match message.deliver(transport).await {
                Ok(Delivery::Confirmed) => confirmed.push(message.seq),
                Ok(Delivery::Refused(reason)) => refuse(&mut tx, message, &reason).await?,
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            }
        }
        sqlx::query!("DELETE FROM outbox WHERE seq = ANY($1)", &confirmed).execute(&mut *tx).await?;
        tx.commit().await?;
        failed.map(|()| batch.len())
    }
}

impl Outgoing {
    /// Delivers in the journey that wrote the message.
    async fn deliver<T: Transport>(&self, transport: &T) -> anyhow::Result<Delivery> {
        match self.carrier.parse::<Carrier>() {
            Ok(carrier) => transport.deliver(self).with_context(carrier.attach(Attach::Child)).await,
            // The message matters more than its trace.
            Err(_) => transport.deliver(self).await,
        }
    }
}

/// Writes a message in the transaction of the change it tells. Call [`Outbox::wake`] after the commit.
pub(crate) async fn write<T: Transport>(
    tx: &mut PgConnection,
    address: &str,
    body: &(impl Serialize + Sync),
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (receiver, address, body, carrier) VALUES ($1, $2, $3, $4)",
        T::RECEIVER,
        address,
        Json(body) as _,
        Carrier::current().to_string(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn refuse(tx: &mut sqlx::PgConnection, message: &Outgoing, reason: &str) -> sqlx::Result<()> {
    tracing::error!(message_id = %message.message_id, address = message.address, reason, "a message was refused");
    sqlx::query!("UPDATE outbox SET refused = $2 WHERE seq = $1", message.seq, reason).execute(tx).await?;
    Ok(())
}
