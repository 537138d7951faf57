//! Messages that have been worked on: a redelivery changes nothing.

use std::time::Duration;

use journey::sqlx::{PgConnection, PgPool};
use tokio::time::sleep;
use uuid::Uuid;

/// Pause between two rounds of [`keep_short`].
const SHORTEN_EVERY: Duration = Duration::from_secs(3600);

/// Notes a message in the transaction of its work. `false`: the work was done before, by this very message.
///
/// The row of an unfinished twin makes this call wait, so that two deliveries never work at the same time.
pub(crate) async fn is_new(tx: &mut PgConnection, message_id: Uuid) -> sqlx::Result<bool> {
    let noted = sqlx::query!("INSERT INTO inbox (message_id) VALUES ($1) ON CONFLICT DO NOTHING", message_id)
        .execute(tx)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// Forgets messages older than a week, for the life of the process: the broker redelivers within minutes.
pub(crate) async fn keep_short(db: PgPool) {
    // The raw pool: housekeeping belongs to no order.
    let db: &sqlx::PgPool = &db;
    loop {
        let old = sqlx::query!("DELETE FROM inbox WHERE received_at < now() - interval '7 days'");
        if let Err(error) = old.execute(db).await {
            tracing::warn!(%error, "the inbox was not shortened");
        }
        sleep(SHORTEN_EVERY).await;
    }
}
