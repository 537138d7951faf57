//! Messages that leave: written in the transaction of the change they tell, delivered afterwards, in their order.
//!
//! A message leaves at least once: it is deleted after the receiver confirmed it, so a crash in between sends it again
//! under the same id. Each row carries its journey, and the delivery continues it.
//!
//! Messages to one address, which is a routing key or the path of an order, never overtake each other. A receiver that is
//! away holds up all of its messages; one that does not take a certain message now holds up only those to that address.

use std::sync::Arc;
use std::time::Duration;

use journey::opentelemetry::context::FutureExt;
use journey::sqlx::{PgConnection, PgPool};
use journey::{Attach, Carrier, Stop};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use crate::transport::{Delivery, Transport};

/// Messages per transaction of a forwarder.
const BATCH_MESSAGES: i64 = 50;

/// How soon a message leaves at the latest if nobody said that it is there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The longest pause before a postponed message is tried again, in seconds; the first is 1 s, each further one twice as
/// long.
const POSTPONED_S_MAX: f64 = 30.0;

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
    /// How often it was postponed.
    tries: i32,
}

impl Outbox {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db, written: Arc::default() }
    }

    /// Says that messages were committed, so that they leave at once.
    pub(crate) fn wake(&self) {
        self.written.notify_waiters();
    }

    /// Delivers to one receiver for as long as it can be reached, or until the service stops.
    ///
    /// # Errors
    /// The receiver or the database cannot be reached.
    pub(crate) async fn forward<T: Transport>(&self, transport: &T, stop: &Stop) -> anyhow::Result<()> {
        while !stop.is_asked() {
            // Made before looking, so that a message written meanwhile is not missed.
            let written = self.written.notified();
            if self.forward_batch(transport, stop).await? == 0 {
                stop.run_until_asked(timeout(LOOK_EVERY, written)).await;
            }
        }
        Ok(())
    }

    /// Delivers the oldest messages and gives the number of those that left.
    async fn forward_batch<T: Transport>(&self, transport: &T, stop: &Stop) -> anyhow::Result<usize> {
        // The raw pool: looking for work belongs to no order and would only fill the traces.
        let db: &sqlx::PgPool = &self.db;
        let mut tx = db.begin().await?;
        let batch = oldest::<T>(&mut tx).await?;
        let Outcome { confirmed, postponed, refused, failed } = deliver_all(&batch, transport, stop).await;
        for (message, reason) in postponed {
            // A receiver that takes nothing at all has a problem of its own.
            if message.tries >= T::TRIES_MAX && !confirmed.is_empty() {
                refuse(&mut tx, message, &reason).await?;
            } else {
                postpone(&mut tx, message, &reason).await?;
            }
        }
        for (message, reason) in refused {
            refuse(&mut tx, message, &reason).await?;
        }
        sqlx::query!("DELETE FROM outbox WHERE seq = ANY($1)", &confirmed).execute(&mut *tx).await?;
        tx.commit().await?;
        failed.map_or(Ok(confirmed.len()), Err)
    }
}

/// What became of the messages of a batch; of those that it does not name, nothing.
#[derive(Default)]
struct Outcome<'a> {
    confirmed: Vec<i64>,
    postponed: Vec<(&'a Outgoing, String)>,
    refused: Vec<(&'a Outgoing, String)>,
    failed: Option<anyhow::Error>,
}

async fn deliver_all<'a, T: Transport>(batch: &'a [Outgoing], transport: &T, stop: &Stop) -> Outcome<'a> {
    let mut outcome = Outcome::default();
    for message in batch {
        let waits = |(earlier, _): &(&Outgoing, String)| earlier.address == message.address;
        if stop.is_asked() {
            break;
        }
        if outcome.postponed.iter().any(waits) {
            continue;
        }
        match message.deliver(transport).await {
            Ok(Delivery::Confirmed) => outcome.confirmed.push(message.seq),
            Ok(Delivery::Postponed(reason)) => outcome.postponed.push((message, reason)),
            Ok(Delivery::Refused(reason)) => outcome.refused.push((message, reason)),
            Err(error) => {
                outcome.failed = Some(error);
                break;
            }
        }
    }
    outcome
}

/// The oldest messages that do not wait for their time, or for another to the same address.
async fn oldest<T: Transport>(tx: &mut sqlx::PgConnection) -> sqlx::Result<Vec<Outgoing>> {
    // One forwarder per receiver, in all processes of this service: the order holds.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('outbox ' || $1, 0))", T::RECEIVER)
        .execute(&mut *tx)
        .await?;
    sqlx::query_as!(
        Outgoing,
        "SELECT seq, message_id, address, body, carrier, tries FROM outbox AS message
         WHERE receiver = $1 AND refused IS NULL AND NOT EXISTS (
             SELECT FROM outbox AS postponed
             WHERE receiver = $1 AND refused IS NULL AND not_before > now()
                 AND postponed.address = message.address AND postponed.seq <= message.seq)
         ORDER BY seq LIMIT $2",
        T::RECEIVER,
        BATCH_MESSAGES,
    )
    .fetch_all(tx)
    .await
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

/// Lays a message aside: people look at it.
async fn refuse(tx: &mut sqlx::PgConnection, message: &Outgoing, reason: &str) -> sqlx::Result<()> {
    tracing::error!(message_id = %message.message_id, address = message.address, reason, "a message was refused");
    sqlx::query!("UPDATE outbox SET refused = $2 WHERE seq = $1", message.seq, reason).execute(tx).await?;
    Ok(())
}

async fn postpone(tx: &mut sqlx::PgConnection, message: &Outgoing, reason: &str) -> sqlx::Result<()> {
    if message.tries == 0 {
        tracing::warn!(message_id = %message.message_id, address = message.address, reason, "a message waits");
    }
    let pause_s = 2_f64.powi(message.tries).min(POSTPONED_S_MAX);
    sqlx::query!(
        "UPDATE outbox SET tries = tries + 1, not_before = clock_timestamp() + make_interval(secs => $2)
         WHERE seq = $1",
        message.seq,
        pause_s,
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
