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
//! | `sqlx::postgres::PgCopyIn` | [`PgCopyIn`] | – |
//! | `sqlx::postgres::PgAdvisoryLock` and its guard | [`PgAdvisoryLock`], [`PgAdvisoryLockGuard`] | –, [`PgConnection`] |
//! | `sqlx::postgres::PgListener`, `PgNotification` | [`PgListener`], [`PgNotification`] | – |
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
//! | `db.namespace` | the database; `database\|schema` if the builder was told the schema |
//! | `server.address`, `server.port` | as the pool was told; the port if it is not 5432 |
//! | `db.query.summary` | at most 255 bytes |
//! | `db.query.text` | the first 32 KiB, with `?` for each literal and without comments; see [`QueryText`] |
//! | `db.response.status_code` | the SQLSTATE of an error |
//! | `error.type` | the SQLSTATE; else `cancelled`, the name of the variant of `sqlx::Error` (`PoolTimedOut`, `PoolClosed`, `Protocol`, …), or that of the `std::io::ErrorKind` (`ConnectionRefused`, …) |
//! | `journey.db.retryable` | `true` for SQLSTATE 40001, 40P01, 08…, 53… and 57P0…: the transaction may well succeed another time |
//! | `journey.db.constraint` | the constraint that was violated |
//! | `journey.db.pool_wait` | seconds that the call waited for a connection; the first call on one that was acquired |
//! | `journey.db.wait_reason` | why: `idle` (only sqlx's test of an idle connection), `new_connection`, `saturated`, or `draining_cancelled` |
//! | `journey.db.time_to_first_row` | seconds |
//! | `journey.db.server_wait` | of a stream: the seconds in which it waited for the server. The rest is the reader's |
//! | `journey.db.outcome` | `cancelled`: the caller stopped waiting, the server may go on; `dropped_early`: the caller stopped reading rows, no error |
//! | `db.response.returned_rows`, `journey.db.affected_rows` | only if the builder asks for them |
//!
//! sqlx cancels nothing on the server: a query that its caller has left goes on, and its connection comes back to
//! the pool when the server has ended it. Who has to wait for that says `draining_cancelled` and links to the span of
//! the left query. A wait of [`limits::ACQUIRE_SPAN_THRESHOLD`] or more, or in vain, is also an INTERNAL span
//! `db.pool.acquire`.
//!
//! A transaction is an INTERNAL span `transaction` around its calls, `BEGIN` and `COMMIT` among them. Its
//! `journey.db.outcome` is `committed`, `rolled_back`, `dropped_rollback` (dropped open), `cancelled` (nobody
//! waited for the `COMMIT`), `unknown` (the connection was lost at the `COMMIT`) or `begin_cancelled`;
//! `journey.db.statements` counts the statements in between, and `journey.db.idle_in_transaction` is the time in
//! seconds in which none ran. Savepoints are the same, inside.
//!
//! A [`PgListener`] that has lost its connection has an INTERNAL span `db.listener.reconnect` each time that it connects
//! anew, with its wait for the pool. [`notify`] gives the context of the sender to whoever listens; where there is no
//! room for it, that is counted.
//!
//! A `COPY` is one call from its statement to its end, with the time in which its caller sends or reads the data. After
//! one that was left before its end, sqlx would take its answers for those of the next call; here the calls on that
//! connection fail with `Protocol`, and it is closed instead of going back to its pool.
//!
//! The message of an error is told only where PostgreSQL's messages hold no values. `RowNotFound` is no
//! error.
//!
//! Metrics, if init was asked for them:
//!
//! | metric | instrument, unit | attributes |
//! |---|---|---|
//! | `db.client.operation.duration` | histogram, s | `db.system.name`, `db.namespace`, `db.query.summary`, `server.address`, `server.port`, `error.type`, `db.response.status_code` |
//! | `db.client.response.returned_rows` | histogram, {row} | the same; only if the builder asks for rows |
//! | `db.client.connection.count` | up-down counter, {connection} | pool, `db.client.connection.state` |
//! | `db.client.connection.idle.max`, `.idle.min`, `.max` | up-down counter, {connection} | pool |
//! | `db.client.connection.pending_requests` | up-down counter, {request} | pool |
//! | `db.client.connection.timeouts` | counter, {timeout} | pool |
//! | `db.client.connection.wait_time`, `.use_time`, `.create_time` | histogram, s | pool |
//! | `journey.db.listener.losses` | counter, {connection} | `db.system.name`, `db.namespace`, `server.address`, `server.port` |
//! | `journey.db.notification.context_dropped` | counter, {notification} | – |
//! | `journey.db.transaction.oldest_age` | gauge, s | pool |
//!
//! Acquires inside of calls are in them. sqlx has no hook before it connects, so `create_time` is the wait of those
//! who found no idle connection and room for one more.
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
//! # Customization
//!
//! [`PgPool::builder`] names the pool and its schema, chooses the text, filters, enriches and names spans, and leaves
//! out short calls.
//!
//! # What has no span
//!
//! * Code that takes `&sqlx::PgPool` or `&mut sqlx::PgConnection`, which ours turn into by themselves, and
//!   code that is generic over `sqlx::Acquire`, such as migrations: the trait can only hand out sqlx's own
//!   types. The layer of the feature `events` gives it spans, with less in them.
//! * The release of a lock whose guard was dropped, and `describe`, which only sqlx's macros call.
//! * Errors when a row is decoded: sqlx does that after the call.
//!
//! A function that is generic over `for<'a> &'a mut C: Executor<'a>` has to repeat that bound in each caller, as with
//! sqlx's own types; `sqlx::PgExecutor<'_>` as an argument need not.
//!
//! # Features
//!
//! * `events`: `SqlxEventsLayer`, a layer of `tracing-subscriber` that makes spans of sqlx's own events. Calls on our
//!   types are passed over, so each query has one span.
//!
//! `sqlx-core` and `sqlx-postgres` are always built with `offline`, because `Executor` has a method more with it, and
//! any other crate of the build may switch it on.

mod acquiring;
mod advisory_lock;
mod builder;
mod call;
mod connection;
mod copy;
mod draining;
#[cfg(feature = "events")]
mod events;
mod executor;
mod failure;
mod hashed;
mod held;
mod key;
mod lender;
pub mod limits;
mod listener;
mod metrics;
mod notification;
mod open_transactions;
mod outcome;
mod owed;
mod pool;
mod pool_connection;
mod query;
#[cfg(feature = "events")]
mod query_event;
mod route;
mod scope;
mod seen;
mod server;
mod settings;
mod split;
mod sql;
mod target;
mod transaction;
mod transaction_span;
mod wait;
mod watch;
mod within;

pub use advisory_lock::{AsPgConnection, PgAdvisoryLock, PgAdvisoryLockGuard};
pub use builder::Builder;
pub use connection::PgConnection;
pub use copy::PgCopyIn;
#[cfg(feature = "events")]
pub use events::{SqlxEventsLayer, is_duplicate};
pub use listener::PgListener;
pub use notification::{PgNotification, notify};
pub use pool::PgPool;
pub use pool_connection::PoolConnection;
pub use query::Query;
pub use settings::QueryText;
pub use transaction::Transaction;
