//! A listener as a connection, which connects anew first if its own was lost.

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::describe::Describe;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::ext::async_stream::TryAsyncStream;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::Transaction as RawTransaction;
use sqlx_postgres::{PgConnection as RawConnection, PgRow, PgStatement, PgTypeInfo, Postgres};

use super::{PgListener, told};
use crate::call::Text;
use crate::route::{Step, pass_on};
use crate::split::Split;
use crate::within::within;

/// Hands out sqlx's own types, as the trait demands: no spans beyond it.
impl<'c> Acquire<'c> for &'c mut PgListener {
    type Database = Postgres;
    type Connection = &'c mut RawConnection;

    fn acquire(self) -> BoxFuture<'c, Result<Self::Connection, Error>> {
        Box::pin(async {
            self.connected().await?;
            Acquire::acquire(&mut self.raw).await
        })
    }

    fn begin(self) -> BoxFuture<'c, Result<RawTransaction<'c, Postgres>, Error>> {
        Box::pin(async {
            self.connected().await?;
            Acquire::begin(&mut self.raw).await
        })
    }
}

/// Runs on the connection of the listener. What `execute` and the others do ends in one of these.
impl<'c> Executor<'c> for &'c mut PgListener {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let mut query = Split::of(query);
        Box::pin(TryAsyncStream::new(|yielder| async move {
            self.connected().await?;
            let mut call = self.call(query.as_text());
            let active = call.active();
            let mut steps = self.raw.fetch_many(query.take());
            let result = within(active, pass_on(&mut steps, &mut call, &yielder)).await;
            call.finish(result.as_ref().err());
            result
        }))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let mut query = Split::of(query);
        Box::pin(async move {
            self.connected().await?;
            let mut call = self.call(query.as_text());
            let result = within(call.active(), self.raw.fetch_optional(query.take())).await;
            if let Ok(Some(_)) = &result {
                call.first_row_has_come();
            }
            call.finish(result.as_ref().err());
            result
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            self.connected().await?;
            let call = self.call(Text::Prepare(sql.as_str()));
            told(call, self.raw.prepare_with(sql, parameters)).await
        })
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.raw.describe(sql)
    }
}
