//! What a server is asked about a lock.

use sqlx_core::Error;
use sqlx_core::connection::Connection;
use sqlx_core::executor::Executor;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::row::Row;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::{PgAdvisoryLockKey, PgConnection as RawConnection};

use crate::PgConnection;
use crate::call::{Call, Text};
use crate::route::Route;
use crate::within::within;

/// One of the three functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Acquire,
    Release,
    TryAcquire,
}

impl Request {
    /// Makes the call. `sent` is called at the moment from which on the server does it, whoever waits for the answer.
    ///
    /// There is such a moment because the key is written into the text: to prepare a statement would be two calls, between
    /// which the caller may leave. The span shows placeholders all the same, so that all keys are one statement.
    pub(super) async fn make(
        self,
        key: &PgAdvisoryLockKey,
        connection: &mut PgConnection,
        sent: impl FnOnce(&mut PgConnection) + Send,
    ) -> Result<bool, Error> {
        let sql = self.text(key);
        let mut route = Route::from(connection);
        let text = Text::Run { sql: self.shown(key), has_bound_values: true };
        let mut call = Call::start(route.server(), route.parent(), text);
        let active = call.active();
        let ask = async {
            let mut work = route.work(&mut call).await?;
            let asked = async {
                // Nothing may wait to be sent or read: then the first poll sends the text.
                let raw: &mut RawConnection = &mut work;
                raw.flush().await?;
                sent(&mut work);
                let raw: &mut RawConnection = &mut work;
                raw.fetch_optional(raw_sql(AssertSqlSafe(sql))).await
            };
            let result = asked.await;
            work.is_answered(&result);
            call.ends_at(work.over());
            result
        };
        let result = within(active, ask).await;
        call.finish(result.as_ref().err());
        // To wait for a lock is answered by a row of nothing.
        Ok(result?.is_some_and(|row| row.try_get(0).unwrap_or(self == Request::Acquire)))
    }

    /// A text that can be sent.
    pub(super) fn text(self, key: &PgAdvisoryLockKey) -> String {
        let function = self.function();
        match key {
            PgAdvisoryLockKey::IntPair(one, two) => format!("SELECT {function}({one}, {two});"),
            // sqlx may add a kind of key in a minor version; nothing is locked by NULL.
            key => match key.as_bigint() {
                Some(key) => format!("SELECT {function}({key});"),
                None => format!("SELECT {function}(NULL);"),
            },
        }
    }

    fn function(self) -> &'static str {
        match self {
            Request::Acquire => "pg_advisory_lock",
            Request::Release => "pg_advisory_unlock",
            Request::TryAcquire => "pg_try_advisory_lock",
        }
    }

    /// The text that is told.
    fn shown(self, key: &PgAdvisoryLockKey) -> &'static str {
        match (self, key) {
            (Request::Acquire, PgAdvisoryLockKey::IntPair(..)) => "SELECT pg_advisory_lock($1, $2)",
            (Request::Acquire, _) => "SELECT pg_advisory_lock($1)",
            (Request::Release, PgAdvisoryLockKey::IntPair(..)) => "SELECT pg_advisory_unlock($1, $2)",
            (Request::Release, _) => "SELECT pg_advisory_unlock($1)",
            (Request::TryAcquire, PgAdvisoryLockKey::IntPair(..)) => "SELECT pg_try_advisory_lock($1, $2)",
            (Request::TryAcquire, _) => "SELECT pg_try_advisory_lock($1)",
        }
    }
}
