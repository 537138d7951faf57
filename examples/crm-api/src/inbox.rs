//! Messages that have been worked on: a redelivery changes nothing.

use std::time::Duration;

use journey::Stop;
use journey::sqlx::{PgConnection, PgPool};
use tokio::time::sleep;
use uuid::Uuid;

/// Pause between two rounds of [`keep_short`].
const SHORTEN_EVERY: Duration = Duration::from_secs(3600);

/// Pause between two looks of [`wait_for_database`].
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Notes a message in the transaction of its work. `false`: the work was done before, by this very message.
///
/// The row of an unfinished twin makes this call wait, so that two deliveries never work at the same time.
pub(crate) async fn is_new(tx: &mut PgConnection, message_id: Uuid) -> sqlx::Result<bool> {
    let noted = sqlx::query!("INSERT INTO inbox (message_id) VALUES ($1) ON CONFLICT DO NOTHING", message_id)
        .execute(tx)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// Waits until messages can be noted: it makes no sense to take one from the broker before.
pub(crate) async fn wait_for_database(db: &PgPool) {
    // The raw pool: this belongs to no order.
    let db: &sqlx::PgPool = db;
    // A lock is a kind of writing, so a database that can only be read refuses it.
    let look = || sqlx::query!("SELECT message_id FROM inbox LIMIT 1 FOR UPDATE SKIP LOCKED");
    while let Err(error) = look().fetch_optional(db).await {
        tracing::warn!(%error, "messages wait for the database");
        sleep(LOOK_EVERY).await;
    }
}

/// Forgets messages older than a week: the broker redelivers within minutes.
pub(crate) async fn keep_short(db: PgPool, stop: Stop) {
    // The raw pool: housekeeping belongs to no order.
    let db: &sqlx::PgPool = &db;
    while !stop.is_asked() {
        let old = sqlx::query!("DELETE FROM inbox WHERE received_at < now() - interval '7 days'");
        if let Err(error) = old.execute(db).await {
            tracing::warn!(%error, "the inbox was not shortened");
        }
        stop.run_until_asked(sleep(SHORTEN_EVERY)).await;
    }
}

#[cfg(test)]
mod tests;
