//! The pool.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use futures_core::future::BoxFuture;
use opentelemetry::Context;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_core::transaction::Transaction as RawTransaction;
use sqlx_postgres::{PgConnectOptions, PgPool as RawPool, Postgres};

use crate::acquiring::{self, Waiter};
use crate::route::Route;
use crate::server::Server;
use crate::within::within;
use crate::{Builder, PgConnection, PoolConnection, Transaction};

/// In place of `sqlx::PgPool`: `&pool` is an executor whose calls have spans.
///
/// Clones share everything. Derefs to sqlx's pool, so `size`, `close`, `options` and the rest are there. A
/// pool that was built by `PgPoolOptions` becomes one by `.into()`, or by [`PgPool::builder`] with choices. Host, port and database of the spans are
/// those that the pool had then; a later `set_connect_options` does not change them.
///
/// ```no_run
/// use std::time::Duration;
///
/// use sqlx::postgres::PgPoolOptions;
///
/// # async fn start() -> Result<(), sqlx::Error> {
/// let options = PgPoolOptions::new().max_connections(20).acquire_timeout(Duration::from_secs(5));
/// let pool: journey_sqlx::PgPool = options.connect("postgres://crm@db/crm").await?.into();
///
/// let state: String =
///     sqlx::query_scalar("SELECT state FROM orders WHERE id = $1").bind("ORD-1").fetch_one(&pool).await?;
///
/// let mut tx = pool.begin().await?;
/// sqlx::query("UPDATE orders SET state = 'packed'").execute(&mut *tx).await?;
/// tx.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PgPool {
    raw: RawPool,
    pub(crate) server: Arc<Server>,
}

impl PgPool {
    /// Choices for a pool that is made of one of sqlx's, such as its name and which text spans show.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Connects with the default options of a pool.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        RawPool::connect(url).await.map(Self::from)
    }

    /// Connects with the default options of a pool.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect_with(options: PgConnectOptions) -> Result<Self, Error> {
        RawPool::connect_with(options).await.map(Self::from)
    }

    /// Connects at the first use.
    ///
    /// # Errors
    /// sqlx's, unchanged: the URL is wrong.
    pub fn connect_lazy(url: &str) -> Result<Self, Error> {
        RawPool::connect_lazy(url).map(Self::from)
    }

    /// Connects at the first use.
    pub fn connect_lazy_with(options: PgConnectOptions) -> Self {
        RawPool::connect_lazy_with(options).into()
    }

    /// Takes a connection, waiting for it up to the pool's `acquire_timeout`. The wait is told by the first
    /// call on the connection.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub fn acquire(&self) -> impl Future<Output = Result<PoolConnection, Error>> + Send + use<> {
        let pool = self.clone();
        async move {
            let (context, mut wait) = (Context::current(), None);
            let waiter = Waiter { context: &context, since: Instant::now(), told: &mut wait };
            let acquire = acquiring::acquire(&pool.raw, &pool.server, Some(waiter));
            let raw = within(context.clone(), acquire).await?;
            let since = wait.as_ref().map(|wait| wait.until);
            Ok(PoolConnection::new(PgConnection::of_pool(raw, pool.server, since).after(wait)))
        }
    }

    /// Takes a connection if one is idle.
    pub fn try_acquire(&self) -> Option<PoolConnection> {
        self.raw.try_acquire().map(|raw| self.lend(raw, None))
    }

    /// Begins a transaction, with a span from here to its end.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn begin(&self) -> Result<Transaction<'static>, Error> {
        Transaction::begin_on(Route::from(self), None).await
    }

    /// Begins a transaction by a statement of the caller's, such as `BEGIN READ ONLY`.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn begin_with(&self, statement: impl SqlSafeStr) -> Result<Transaction<'static>, Error> {
        Transaction::begin_on(Route::from(self), Some(statement.into_sql_str())).await
    }

    /// Begins a transaction if a connection is idle.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn try_begin(&self) -> Result<Option<Transaction<'static>>, Error> {
        match self.try_acquire() {
            Some(connection) => {
                Transaction::begin_on(Route::Lent(Box::new(connection)), None).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Begins a transaction by a statement of the caller's if a connection is idle.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn try_begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> Result<Option<Transaction<'static>>, Error> {
        let statement = Some(statement.into_sql_str());
        match self.try_acquire() {
            Some(connection) => {
                Transaction::begin_on(Route::Lent(Box::new(connection)), statement).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// How many statements were forgotten because of
    /// [`REMEMBERED_STATEMENTS_MAX`](crate::limits::REMEMBERED_STATEMENTS_MAX). A number that grows with each
    /// request means that values are written into the text of statements instead of being bound.
    pub fn statements_forgotten(&self) -> u64 {
        self.server.statements_forgotten()
    }

    /// Of sqlx's pool.
    pub(crate) fn new(raw: RawPool, server: Arc<Server>) -> Self {
        Self { raw, server }
    }

    /// A connection of sqlx's as one of ours, on loan since then; by default since now.
    pub(crate) fn lend(&self, raw: RawPoolConnection<Postgres>, since: Option<Instant>) -> PoolConnection {
        PoolConnection::new(PgConnection::of_pool(raw, Arc::clone(&self.server), since))
    }
}

impl From<RawPool> for PgPool {
    fn from(raw: RawPool) -> Self {
        Self::builder().wrap(raw)
    }
}

impl Deref for PgPool {
    type Target = RawPool;

    fn deref(&self) -> &RawPool {
        &self.raw
    }
}

/// Hands out sqlx's own types, as the trait demands: no spans beyond it. It is there for migrations.
impl<'a> Acquire<'a> for &PgPool {
    type Database = Postgres;
    type Connection = RawPoolConnection<Postgres>;

    fn acquire(self) -> BoxFuture<'a, Result<Self::Connection, Error>> {
        Box::pin(self.raw.acquire())
    }

    fn begin(self) -> BoxFuture<'a, Result<RawTransaction<'a, Postgres>, Error>> {
        Acquire::begin(&self.raw)
    }
}

impl std::fmt::Debug for PgPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.raw.fmt(f)
    }
}
