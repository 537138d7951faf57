//! The rows: what the engine said, durable, and how far each source was read, in one transaction.
//!
//! SQLite, one file, write-ahead log. The engine's owner is the only writer; alert, API and command line read.

mod packed;
mod read;
mod rows;
mod snapshot;
#[cfg(test)]
mod tests;
mod words;
mod write;

use std::path::Path;
use std::str::FromStr;

use anyhow::Context;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::limits::STORE_ROWS_AHEAD;

pub use read::{JourneySummary, StoredFinding};
pub use snapshot::Snapshot;
pub use write::{Batch, Reject};

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the file `journey.sqlite` in a folder, and makes both if they are missing.
    ///
    /// # Errors
    /// The folder cannot be made, the file cannot be opened or is of a newer version.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let options = Self::options(folder)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What an OTLP sender was told is taken survives the machine, not only the process.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
        let pool = pool.with_context(|| format!("cannot open the store in {}", folder.display()))?;
        sqlx::migrate!().run(&pool).await.context("cannot bring the store up to date")?;
        Ok(Self { pool })
    }

    /// Opens an existing store for reading only.
    ///
    /// # Errors
    /// There is none in this folder.
    pub async fn open_read_only(folder: &Path) -> anyhow::Result<Self> {
        let options = Self::options(folder)?.read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = pool.with_context(|| format!("there is no store in {}", folder.display()))?;
        Ok(Self { pool })
    }

    fn options(folder: &Path) -> anyhow::Result<SqliteConnectOptions> {
        Ok(SqliteConnectOptions::from_str("sqlite://")?
            .filename(folder.join("journey.sqlite"))
            .row_buffer_size(STORE_ROWS_AHEAD)
            .foreign_keys(false))
    }

    /// Closes all connections and folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
