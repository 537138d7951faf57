//! The one code path of all calls, whatever they were made on.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use opentelemetry::Context;
use sqlx_core::describe::Describe;
use sqlx_core::executor::Executor;
use sqlx_core::ext::async_stream::{TryAsyncStream, Yielder};
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::TransactionManager;
use sqlx_core::{Either, Error};
use sqlx_postgres::{PgQueryResult, PgRow, PgStatement, PgTransactionManager, PgTypeInfo, Postgres};

use crate::acquiring;
use crate::call::{Call, Text};
use crate::held::{Held, Work};
use crate::server::Server;
use crate::split::Split;
use crate::within::within;
use crate::{PgConnection, PgPool, PoolConnection};

/// A future in its box. The box is there first: sqlx needs several kilobytes to acquire a connection, and a future that is
/// made before its box is copied into it with all the room that it has for them. A macro, because the optimiser sees through
/// no closure here.
macro_rules! in_place {
    ($future:expr) => {{
        let place = Box::new_uninit();
        let future = $future;
        let boxed = Box::into_pin(Box::write(place, future));
        boxed
    }};
}

/// A row, or what one statement did.
pub(crate) type Step = Either<PgQueryResult, PgRow>;

/// How a call gets its connection.
pub(crate) enum Route<'c> {
    /// The caller's own, or that of a transaction.
    Borrowed(&'c mut PgConnection),
    /// One that was taken from a pool already. In a box, because routes are moved about and this one is rare.
    Lent(Box<PoolConnection>),
    /// One still to be taken from a pool, as a part of the call.
    Pool(PgPool),
}

impl<'c> Route<'c> {
    /// The rows of a call, as the caller asks for them. The span begins with the first poll, under what is current
    /// then.
    pub(crate) fn fetch_many<'e>(mut self, mut query: Split) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
    {
        Box::pin(TryAsyncStream::new(|yielder| async move {
            let mut call = self.call(&query);
            let active = call.active();
            let result = within(active, self.stream(&mut call, &mut query, &yielder)).await;
            call.finish(result.as_ref().err());
            result
        }))
    }

    /// All rows of a call.
    pub(crate) fn fetch_all<'e>(self, query: Split) -> BoxFuture<'e, Result<Vec<PgRow>, Error>>
    where
        'c: 'e,
    {
        in_place!(self.run(query, Vec::new(), |rows, step| rows.extend(step.right())))
    }

    /// What the statements of a call did.
    pub(crate) fn execute<'e>(self, query: Split) -> BoxFuture<'e, Result<PgQueryResult, Error>>
    where
        'c: 'e,
    {
        in_place!(self.run(query, PgQueryResult::default(), |done, step| done.extend(step.left())))
    }

    /// The first row of a call.
    pub(crate) fn fetch_optional<'e>(self, query: Split) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
    {
        in_place!(self.first(query, Ok))
    }

    /// The first row of a call, which must have one.
    pub(crate) fn fetch_one<'e>(self, query: Split) -> BoxFuture<'e, Result<PgRow, Error>>
    where
        'c: 'e,
    {
        in_place!(self.first(query, |row| row.ok_or(Error::RowNotFound)))
    }

    /// Prepares a statement.
    pub(crate) fn prepare_with<'e>(
        mut self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut call = Call::start(self.server(), self.parent(), Text::Prepare(sql.as_str()));
            let context = call.active();
            let prepare = async {
                let mut work = self.work(&mut call).await?;
                let result = (&mut **work).prepare_with(sql, parameters).await;
                work.is_answered(&result);
                call.ends_at(work.over());
                result
            };
            let result = within(context, prepare).await;
            call.finish(result.as_ref().err());
            result
        })
    }

    /// Describes a statement, without a span: sqlx's macros do so when a service is built.
    pub(crate) fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut connection = match self {
                Route::Borrowed(connection) => Held::Borrowed(connection),
                Route::Lent(connection) => Held::Lent(*connection),
                Route::Pool(pool) => Held::Lent(pool.acquire().await?),
            };
            (&mut **connection).describe(sql).await
        })
    }

    /// What the call talks to.
    pub(crate) fn server(&self) -> &Arc<Server> {
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

    /// Gets the connection for good, as a part of the call, whose context is current.
    pub(crate) async fn hold(self, call: &mut Call) -> Result<Held<'c>, Error> {
        match self {
            Route::Borrowed(connection) => Ok(Held::Borrowed(connection)),
            Route::Lent(connection) => Ok(Held::Lent(*connection)),
            Route::Pool(pool) => lent(&pool, call).await.map(Held::Lent),
        }
    }

    /// Starts the span of a call under the transaction of its connection, or what is current.
    fn call(&self, query: &Split) -> Call {
        Call::start(self.server(), self.parent(), query.as_text())
    }

    /// Gets the connection for one statement.
    pub(crate) async fn work(&mut self, call: &mut Call) -> Result<Work<'_>, Error> {
        let connection = match self {
            Route::Borrowed(connection) => Held::Borrowed(connection),
            Route::Lent(connection) => Held::Borrowed(connection),
            Route::Pool(pool) => Held::Lent(lent(pool, call).await?),
        };
        connection.in_step()?;
        let mut work = Work::start(connection, call);
        if work.is_indebted() {
            let paid = work.pays().await;
            work.is_answered(&paid);
            paid?;
        }
        Ok(work)
    }

    /// A call whose caller takes the first row.
    #[inline]
    #[expect(
        clippy::manual_async_fn,
        reason = "that keeps what it is given twice, in a future that is moved into a box"
    )]
    fn first<'e, T: Send + 'e>(
        mut self,
        mut query: Split,
        take: fn(Option<PgRow>) -> Result<T, Error>,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<'e, 'c, T>
    where
        'c: 'e,
    {
        async move {
            let mut call = self.call(&query);
            let active = call.active();
            let fetch = async {
                let mut work = self.work(&mut call).await?;
                let result = (&mut **work).fetch_optional(query.take()).await;
                work.is_answered(&result);
                call.ends_at(work.over());
                if let Ok(Some(_)) = &result {
                    call.first_row_has_come();
                }
                take(result?)
            };
            let result = within(active, fetch).await;
            call.finish(result.as_ref().err());
            result
        }
    }

    /// A call whose caller takes everything.
    #[inline(always)]
    #[expect(
        clippy::manual_async_fn,
        reason = "that keeps what it is given twice, in a future that is moved into a box"
    )]
    fn run<'e, T: Send + 'e>(
        mut self,
        mut query: Split,
        mut all: T,
        take: fn(&mut T, Step),
    ) -> impl Future<Output = Result<T, Error>> + Send + use<'e, 'c, T>
    where
        'c: 'e,
    {
        async move {
            let mut call = self.call(&query);
            let active = call.active();
            let steps = async {
                let mut work = self.work(&mut call).await?;
                let mut steps = (&mut **work).fetch_many(query.take());
                let result = loop {
                    match steps.try_next().await {
                        Ok(Some(step)) => {
                            call.comes(&step);
                            take(&mut all, step);
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                };
                drop(steps);
                work.is_answered(&result);
                call.ends_at(work.over());
                result
            };
            let result = within(active, steps).await;
            call.finish(result.as_ref().err());
            result.map(|()| all)
        }
    }

    /// A call whose caller takes one after the other.
    async fn stream(
        &mut self,
        call: &mut Call,
        query: &mut Split,
        yielder: &Yielder<Step>,
    ) -> Result<(), Error> {
        let mut work = self.work(call).await?;
        let mut steps = (&mut **work).fetch_many(query.take());
        let result = pass_on(&mut steps, call, yielder).await;
        drop(steps);
        work.is_answered(&result);
        call.ends_at(work.over());
        result
    }
}

/// A connection of the pool.
async fn lent(pool: &PgPool, call: &mut Call) -> Result<PoolConnection, Error> {
    let raw = acquiring::acquire(pool, &pool.server, call.waiter()).await?;
    Ok(pool.lend(raw, call.waited_until()))
}

/// Gives the steps of a call to its caller, one after the other.
pub(crate) async fn pass_on(
    steps: &mut BoxStream<'_, Result<Step, Error>>,
    call: &mut Call,
    yielder: &Yielder<Step>,
) -> Result<(), Error> {
    while let Some(step) = next(steps, call).await? {
        call.comes(&step);
        call.row_is_out();
        yielder.r#yield(step).await;
        call.row_is_wanted();
    }
    Ok(())
}

/// The next step, and how long the server took for it. Rows that came together cost no look at the clock: only
/// when sqlx has to wait for its socket is there something to measure.
async fn next(
    steps: &mut BoxStream<'_, Result<Step, Error>>,
    call: &mut Call,
) -> Result<Option<Step>, Error> {
    let mut waits_since = None;
    let step = poll_fn(|task| match steps.poll_next_unpin(task) {
        Poll::Pending => {
            if waits_since.is_none() && call.is_observed() {
                waits_since = Some(Instant::now());
            }
            Poll::Pending
        }
        ready => ready,
    })
    .await;
    if let Some(since) = waits_since {
        call.waited_for_server(since.elapsed());
    }
    step.transpose()
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
