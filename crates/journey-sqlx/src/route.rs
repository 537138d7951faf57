//! The one code path of all calls, whatever they were made on.

use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use sqlx_core::describe::Describe;
use sqlx_core::executor::Executor;
use sqlx_core::ext::async_stream::{TryAsyncStream, Yielder};
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::TransactionManager;
use sqlx_core::{Either, Error};
use sqlx_postgres::{PgQueryResult, PgRow, PgStatement, PgTransactionManager, PgTypeInfo, Postgres};

use crate::call::Call;
use crate::server::Server;
use crate::split::Split;
use crate::{PgConnection, PgPool, PoolConnection, failure};

/// A row, or what one statement did.
pub(crate) type Step = Either<PgQueryResult, PgRow>;

/// How a call gets its connection.
pub(crate) enum Route<'c> {
    /// The caller's own, or that of a transaction.
    Borrowed(&'c mut PgConnection),
    /// One that was taken from a pool already.
    Lent(PoolConnection),
    /// One still to be taken from a pool, as a part of the call.
    Pool(PgPool),
}

impl<'c> Route<'c> {
    /// The rows of a call. The span begins with the first poll, under what is current then.
    pub(crate) fn fetch_many<'e>(self, query: Split) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
    {
        Box::pin(TryAsyncStream::new(|yielder| async move {
            let mut call = self.call(query.text());
            let context = call.context();
            let result = self.rows(&mut call, query, &yielder).with_context(context).await;
            call.finish(result.as_ref().err());
            result
        }))
    }

    /// The first row of a call.
    pub(crate) fn fetch_optional<'e>(self, query: Split) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let call = self.call(query.text());
            let context = call.context();
            let result = self.row(&call, query).with_context(context).await;
            call.finish(result.as_ref().err());
            result
        })
    }

    /// Prepares a statement, without a span.
    pub(crate) fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { (&mut **self.hold().await?).prepare_with(sql, parameters).await })
    }

    /// Describes a statement, without a span.
    pub(crate) fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { (&mut **self.hold().await?).describe(sql).await })
    }

    /// Starts the span of a call under the transaction of its connection, or what is current.
    fn call(&self, sql: &str) -> Call {
        Call::start(self.server(), &self.parent(), sql)
    }

    /// What the call talks to.
    pub(crate) fn server(&self) -> &Server {
        match self {
            Route::Borrowed(connection) => &connection.server,
            Route::Lent(connection) => &connection.server,
            Route::Pool(pool) => &pool.server,
        }
    }

    /// How many transactions and savepoints are open on the connection.
    pub(crate) fn transaction_depth(&self) -> usize {
        match self {
            Route::Borrowed(connection) => PgTransactionManager::get_transaction_depth(connection),
            // The pool takes no connection back before its transaction has ended.
            Route::Lent(_) | Route::Pool(_) => 0,
        }
    }

    /// The context that a call made now is a child of.
    pub(crate) fn parent(&self) -> Context {
        match self {
            Route::Borrowed(connection) => connection.parent(),
            Route::Lent(connection) => connection.parent(),
            Route::Pool(_) => Context::current(),
        }
    }

    /// Gets the connection.
    pub(crate) async fn hold(self) -> Result<Held<'c>, Error> {
        Ok(match self {
            Route::Borrowed(connection) => Held::Borrowed(connection),
            Route::Lent(connection) => Held::Lent(connection),
            // Never `try_acquire` first: it skips `before_acquire` and the ping.
            Route::Pool(pool) => Held::Lent(pool.acquire().await?),
        })
    }

    async fn rows(self, call: &mut Call, query: Split, yielder: &Yielder<Step>) -> Result<(), Error> {
        let mut connection = self.hold().await?;
        connection.tell_wait(call);
        let mut steps = (&mut **connection).fetch_many(query);
        let result = loop {
            match steps.try_next().await {
                Ok(Some(step)) => {
                    call.row_is_out();
                    yielder.r#yield(step).await;
                    call.row_is_wanted();
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        drop(steps);
        connection.note(result)
    }

    async fn row(self, call: &Call, query: Split) -> Result<Option<PgRow>, Error> {
        let mut connection = self.hold().await?;
        connection.tell_wait(call);
        let result = (&mut **connection).fetch_optional(query).await;
        connection.note(result)
    }
}

impl From<&PgPool> for Route<'static> {
    fn from(pool: &PgPool) -> Self {
        Route::Pool(pool.clone())
    }
}

impl<'c> From<&'c mut PgConnection> for Route<'c> {
    fn from(connection: &'c mut PgConnection) -> Self {
        Route::Borrowed(connection)
    }
}

// === impl Held ===

/// The connection of a call or a transaction.
pub(crate) enum Held<'c> {
    /// The caller's own, or that of an outer transaction.
    Borrowed(&'c mut PgConnection),
    /// On loan from a pool.
    Lent(PoolConnection),
}

impl Held<'_> {
    /// Lets the first call tell how long the pool was waited for.
    pub(crate) fn tell_wait(&mut self, call: &Call) {
        if let Some(wait) = self.pool_wait.take() {
            call.waited(wait);
        }
    }

    /// Keeps in mind that a refused statement makes the open transaction void.
    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let (Err(error), Some(transaction)) = (&result, &mut self.transaction)
            && failure::is_refusal(error)
        {
            transaction.make_void();
        }
        result
    }
}

impl Deref for Held<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Held::Borrowed(connection) => connection,
            Held::Lent(connection) => connection,
        }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Held::Borrowed(connection) => connection,
            Held::Lent(connection) => connection,
        }
    }
}
