//! A single connection.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_core::transaction::Transaction as RawTransaction;
use sqlx_postgres::{PgConnectOptions, PgConnection as RawConnection, Postgres};

use futures_core::future::BoxFuture;

use crate::Transaction;
use crate::route::Route;
use crate::scope::Scope;
use crate::server::Server;

/// In place of `sqlx::PgConnection`: `&mut` of it is an executor whose calls have spans.
///
/// Derefs to sqlx's type, so all its methods are there; what they do has no span.
pub struct PgConnection {
    raw: Raw,
    pub(crate) server: Arc<Server>,
    pub(crate) transaction: Option<Scope>,
    /// How long the pool was waited for, until the first call of the connection tells it.
    pub(crate) pool_wait: Option<Duration>,
}

enum Raw {
    Pooled(RawPoolConnection<Postgres>),
    Single(RawConnection),
}

impl PgConnection {
    /// Connects, as `sqlx::Connection::connect` does.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(&url.parse()?).await
    }

    /// Connects, as `sqlx::Connection::connect_with` does.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect_with(options: &PgConnectOptions) -> Result<Self, Error> {
        let raw = options.connect().await?;
        Ok(Self {
            raw: Raw::Single(raw),
            server: Server::of(options).into(),
            transaction: None,
            pool_wait: None,
        })
    }

    /// Begins a transaction, or a savepoint inside of one, with a span from here to its end.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Transaction::begin_on(Route::from(self), None).await
    }

    /// Begins a transaction by a statement of the caller's, such as `BEGIN ISOLATION LEVEL SERIALIZABLE`.
    ///
    /// # Errors
    /// sqlx's, unchanged: `InvalidSavePointStatement` inside of a transaction.
    pub async fn begin_with(&mut self, statement: impl SqlSafeStr) -> Result<Transaction<'_>, Error> {
        Transaction::begin_on(Route::from(self), Some(statement.into_sql_str())).await
    }

    /// Closes the connection, and tells the server so.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn close(self) -> Result<(), Error> {
        match self.raw {
            Raw::Pooled(raw) => raw.close().await,
            Raw::Single(raw) => raw.close().await,
        }
    }

    pub(crate) fn of_pool(
        raw: RawPoolConnection<Postgres>,
        server: Arc<Server>,
        wait: Option<Duration>,
    ) -> Self {
        Self { raw: Raw::Pooled(raw), server, transaction: None, pool_wait: wait }
    }

    /// Out of its pool, which may open another in its place.
    pub(crate) fn detach(self) -> Self {
        self.with_raw(RawPoolConnection::detach)
    }

    /// Out of its pool, which keeps the place taken.
    pub(crate) fn leak(self) -> Self {
        self.with_raw(RawPoolConnection::leak)
    }

    /// The pool will not get it back. Nothing to do for a connection of no pool.
    pub(crate) fn close_on_drop(&mut self) {
        if let Raw::Pooled(raw) = &mut self.raw {
            raw.close_on_drop();
        }
    }

    /// The context of the next statement's parent.
    pub(crate) fn parent(&self) -> Context {
        self.transaction.as_ref().map_or_else(Context::current, Scope::parent)
    }

    fn with_raw(self, take: impl FnOnce(RawPoolConnection<Postgres>) -> RawConnection) -> Self {
        let raw = match self.raw {
            Raw::Pooled(raw) => take(raw),
            Raw::Single(raw) => raw,
        };
        Self { raw: Raw::Single(raw), ..self }
    }
}

impl Deref for PgConnection {
    type Target = RawConnection;

    fn deref(&self) -> &RawConnection {
        match &self.raw {
            Raw::Pooled(raw) => raw,
            Raw::Single(raw) => raw,
        }
    }
}

impl DerefMut for PgConnection {
    fn deref_mut(&mut self) -> &mut RawConnection {
        match &mut self.raw {
            Raw::Pooled(raw) => raw,
            Raw::Single(raw) => raw,
        }
    }
}

impl AsRef<RawConnection> for PgConnection {
    fn as_ref(&self) -> &RawConnection {
        self
    }
}

impl AsMut<RawConnection> for PgConnection {
    fn as_mut(&mut self) -> &mut RawConnection {
        self
    }
}

/// Hands out sqlx's own types, as the trait demands: no spans beyond it. It is there for migrations.
impl<'c> Acquire<'c> for &'c mut PgConnection {
    type Database = Postgres;
    type Connection = &'c mut RawConnection;

    fn acquire(self) -> BoxFuture<'c, Result<Self::Connection, Error>> {
        Acquire::acquire(&mut **self)
    }

    fn begin(self) -> BoxFuture<'c, Result<RawTransaction<'c, Postgres>, Error>> {
        Acquire::begin(&mut **self)
    }
}

impl fmt::Debug for PgConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgConnection").finish_non_exhaustive()
    }
}
