//! Opening the database, and what its errors mean.

use std::time::Duration;

use journey::sqlx::PgPool;
use sqlx::Error;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// Connections at a time; more requests than that wait for one.
const CONNECTIONS_MAX: u32 = 10;

/// How long a request waits for a connection before it fails.
const CONNECTION_WITHIN: Duration = Duration::from_secs(5);

/// Pause between two attempts to reach the database at the start.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// PostgreSQL's classes of errors that lie in the data itself: data exceptions (22), violated constraints (23).
/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>
const LASTING: [&str; 2] = ["22", "23"];

/// Connects, waiting for a database that is not up yet, and brings the schema up to date.
///
/// # Errors
/// A migration failed.
pub(crate) async fn open(options: PgConnectOptions) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(CONNECTION_WITHIN);
    let pool = loop {
        match pool.clone().connect_with(options.clone()).await {
            Ok(pool) => break PgPool::from(pool),
            Err(error) => tracing::warn!(%error, "waiting for the database"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    };
    sqlx::migrate!().run(&pool).await?;
    Ok(pool)
}

/// Whether the same statement may succeed later. All but the few errors that lie in the data pass, or somebody repairs
/// their cause: no connection, a full disk, a standby that only reads, a changed password.
pub(crate) fn may_pass(error: &Error) -> bool {
    match error {
        Error::Database(error) => {
            !error.code().is_some_and(|code| LASTING.iter().any(|class| code.starts_with(class)))
        }
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) | Error::RowNotFound => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// An error with this SQLSTATE, as the server sends it.
    #[derive(Debug)]
    struct State(&'static str);

    impl fmt::Display for State {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for State {}

    impl DatabaseError for State {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    /// Scenario: the server refuses for every kind of reason, or is not there at all.
    /// Guarantees: only what lies in the data is not worth waiting for.
    #[test]
    fn only_bad_data_is_not_waited_for() {
        let read_only = "25006";
        let password = "28P01";
        let (cancelled, stopping) = ("57014", "57P01");
        let (locked, disk, broken) = ("55P03", "58030", "XX001");
        for passing in [
            read_only, password, cancelled, stopping, locked, disk, broken, "08006", "40001", "53100",
            "42P01",
        ] {
            assert!(may_pass(&Error::Database(Box::new(State(passing)))), "{passing}");
        }
        for lasting in ["22001", "22P02", "23502", "23505"] {
            assert!(!may_pass(&Error::Database(Box::new(State(lasting)))), "{lasting}");
        }
        let away = Error::Io(std::io::ErrorKind::ConnectionRefused.into());
        let tls = Error::Tls("the certificate has expired".into());
        for passing in [away, tls, Error::PoolClosed, Error::PoolTimedOut, Error::WorkerCrashed] {
            assert!(may_pass(&passing), "{passing}");
        }
        for lasting in [Error::RowNotFound, Error::Decode("no number".into())] {
            assert!(!may_pass(&lasting), "{lasting}");
        }
    }
}
