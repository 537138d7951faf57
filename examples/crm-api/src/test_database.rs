//! A database of its own for a test, in the server at `JOURNEY_PG_URL`.

use journey::sqlx::PgPool;
use journey_testkit::env_url;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use uuid::Uuid;

use crate::database;

/// A migrated, empty database. A failed test leaves it behind for a look.
pub(crate) struct TestDatabase {
    pub(crate) pool: PgPool,
    server: PgConnectOptions,
    name: String,
}

impl TestDatabase {
    /// `None`: there is no server, and the test is to be skipped.
    pub(crate) async fn create() -> Option<Self> {
        let server: PgConnectOptions = env_url("JOURNEY_PG_URL")?.parse().expect("a URL of PostgreSQL");
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        let pool = database::open(server.clone().database(&name)).await.expect("the migrations fit");
        Some(Self { pool, server, name })
    }

    /// Runs a statement in it past all wrappers, and gives the number of rows it touched.
    pub(crate) async fn execute(&self, statement: &'static str) -> u64 {
        let pool: &sqlx::PgPool = &self.pool;
        sqlx::query(statement).execute(pool).await.expect(statement).rows_affected()
    }

    /// The one value that a query has.
    pub(crate) async fn value<T>(&self, query: &'static str) -> T
    where
        T: Send + Unpin + sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
    {
        let pool: &sqlx::PgPool = &self.pool;
        sqlx::query_scalar(query).fetch_one(pool).await.expect(query)
    }

    /// Removes it, and cuts off whoever uses it.
    pub(crate) async fn remove(self) {
        execute(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }

    /// Makes it one that can only be read, as a standby is, or takes that back. Whoever is connected has to do it again.
    pub(crate) async fn set_read_only(&self, read_only: bool) {
        let name = &self.name;
        execute(
            &self.server,
            &format!("ALTER DATABASE {name} SET default_transaction_read_only = {read_only}"),
        )
        .await;
        let others =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        execute(&self.server, &others).await;
    }
}

async fn execute(server: &PgConnectOptions, statement: &str) {
    let mut connection = server.connect().await.expect("PostgreSQL is there");
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("it is allowed to");
}
