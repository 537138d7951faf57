//! `sqlx::Executor` for each of our types.
//!
//! One impl per type and database, and none that is generic over the connection: a bound such as
//! `for<'a> &'a mut C: Executor<'a>` in an impl makes the compiler overflow in code that never heard of
//! this crate.

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::Error;
use sqlx_core::describe::Describe;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::sql_str::SqlStr;
use sqlx_postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};

use crate::route::{Route, Step};
use crate::split::Split;
use crate::{PgConnection, PgPool, Transaction};

macro_rules! executor {
    ($lifetime:lifetime, $executor:ty) => {
        // What is not written here (`fetch`, `execute_many`, `prepare`) ends in one of these by the trait's own
        // definition. So would `execute`, `fetch_all` and `fetch_one`, by way of more boxes.
        impl<$lifetime> Executor<$lifetime> for $executor {
            type Database = Postgres;

            fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<PgQueryResult, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Route::from(self).execute(Split::of(query))
            }

            fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Route::from(self).fetch_many(Split::of(query))
            }

            fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<PgRow>, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Route::from(self).fetch_all(Split::of(query))
            }

            fn fetch_one<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<PgRow, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Route::from(self).fetch_one(Split::of(query))
            }

            fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                Route::from(self).fetch_optional(Split::of(query))
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [PgTypeInfo],
            ) -> BoxFuture<'e, Result<PgStatement, Error>>
            where
                $lifetime: 'e,
            {
                Route::from(self).prepare_with(sql, parameters)
            }

            #[doc(hidden)]
            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
            where
                $lifetime: 'e,
            {
                Route::from(self).describe(sql)
            }
        }
    };
}

executor!('c, &'_ PgPool);
executor!('c, &'c mut PgConnection);
executor!('c, &'c mut Transaction<'_>);
