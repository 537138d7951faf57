//! Opening the database.

use std::time::Duration;

use journey::sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// Connections at a time; more requests than that wait for one.
const CONNECTIONS_MAX: u32 = 10;

/// How long a request waits for a connection before it fails.
const CONNECTION_WITHIN: Duration = Duration::from_secs(5);

/// Pause between two attempts to reach the database at the start.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Connects, waiting for a database that is not up yet, and brings the schema up to date.
///
/// # Errors
/// A migration failed.
pub(crate) async fn open(url: &str) -> anyhow::Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(CONNECTION_WITHIN);
    let pool = loop {
        match options.clone().connect(url).await {
            Ok(pool) => break PgPool::from(pool),
            Err(error) => tracing::warn!(%error, "waiting for the database"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    };
    sqlx::migrate!().run(&pool).await?;
    Ok(pool)
}
