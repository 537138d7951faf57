//! Drop-in types for sqlx 0.9 over PostgreSQL whose calls are OpenTelemetry spans.
//!
//! # Layout
//!
//! | in place of | use | derefs to |
//! |---|---|---|
//! | `sqlx::PgPool` | [`PgPool`] | `sqlx::PgPool` |
//! | `sqlx::pool::PoolConnection<Postgres>` | [`PoolConnection`] | [`PgConnection`] |
//! | `sqlx::Transaction<'_, Postgres>` | [`Transaction`] | [`PgConnection`] |
//! | `sqlx::PgConnection` | [`PgConnection`] | `sqlx::PgConnection` |
//!
//! Queries are made by sqlx's own functions and macros, and errors are sqlx's own. Changing the type in the
//! state of the application is the whole migration.
//!
//! # What is emitted
//!
//! Each call is a CLIENT span, from the first poll to the last row, after the OpenTelemetry conventions
//! 1.44.0 for PostgreSQL. Its name is `db.query.summary`: the operations and tables of the statement, such as
//! `SELECT orders`. The ids of the journey are on it. Waiting for the pool is part of the call, and told
//! apart:
//!
//! | attribute | value |
//! |---|---|
//! | `db.system.name` | `postgresql` |
//! | `db.namespace` | the database; the schema is not known |
//! | `server.address`, `server.port` | as the pool was told; the port if it is not 5432 |
//! | `db.query.summary` | at most 255 bytes |
//! | `db.query.text` | with `?` for each literal, without comments, of the first 32 KiB |
//! | `db.response.status_code` | the SQLSTATE of an error |
//! | `error.type` | the SQLSTATE; else `cancelled`, the name of the variant of `sqlx::Error` (`PoolTimedOut`, `PoolClosed`, `Protocol`, …), or that of the `std::io::ErrorKind` (`ConnectionRefused`, …) |
//! | `journey.db.pool_wait` | seconds that the call waited for a connection; the first call on one that was acquired |
//! | `journey.db.outcome` | `cancelled`: the caller stopped waiting, the server may go on; `dropped_early`: the caller stopped reading rows, no error |
//!
//! A transaction is an INTERNAL span `transaction` around its calls, `BEGIN` and `COMMIT` among them. Its
//! `journey.db.outcome` is `committed`, `rolled_back`, `dropped_rollback` (dropped open), `cancelled` (nobody
//! waited for the `COMMIT`) or `begin_cancelled`. Savepoints are the same, inside.
//!
//! The message of an error is told only where PostgreSQL's messages hold no values. `RowNotFound` is no
//! error.
//!
//! # Quick start
//!
//! ```no_run
//! use journey_sqlx::PgPool;
//!
//! #[derive(Clone)]
//! struct App {
//!     pool: PgPool,
//! }
//!
//! async fn take_into_production(app: &App, order: &str) -> Result<(), sqlx::Error> {
//!     let mut tx = app.pool.begin().await?;
//!     sqlx::query("UPDATE orders SET state = 'taken' WHERE id = $1").bind(order).execute(&mut *tx).await?;
//!     sqlx::query("INSERT INTO productions (order_id) VALUES ($1)").bind(order).execute(&mut *tx).await?;
//!     tx.commit().await
//! }
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let app = App { pool: PgPool::connect("postgres://mes@db/mes").await? };
//! take_into_production(&app, "ORD-000123").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What has no span
//!
//! * Code that takes `&sqlx::PgPool` or `&mut sqlx::PgConnection`, which ours turn into by themselves, and
//!   code that is generic over `sqlx::Acquire`, such as migrations: the trait can only hand out sqlx's own
//!   types.
//! * `prepare`, `describe`, `COPY`, `LISTEN`.
//! * Errors when a row is decoded: sqlx does that after the call.
//!
//! # Features
//!
//! None. `sqlx-core` and `sqlx-postgres` are always built with `offline`, because `Executor` has a method
//! more with it, and any other crate of the build may switch it on.

mod call;
mod connection;
mod executor;
mod failure;
mod key;
pub mod limits;
mod outcome;
mod pool;
mod pool_connection;
mod route;
mod scope;
mod server;
mod split;
mod sql;
mod transaction;
mod transaction_span;

pub use connection::PgConnection;
pub use pool::PgPool;
pub use pool_connection::PoolConnection;
pub use transaction::Transaction;
