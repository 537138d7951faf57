//! Calls that do not run to their end.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

use super::bench::{assert_error, outcome, pool, text, traced};

const SOON: Duration = Duration::from_millis(50);

/// Scenario: callers stop waiting: for one row, for all rows, for the next row, and for a connection.
/// Guarantees: all are `cancelled` and failed.
#[tokio::test]
async fn who_stops_waiting_cancels() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        assert!(timeout(SOON, sqlx::query("SELECT pg_sleep(0.2)").fetch_one(&pool)).await.is_err());
        assert!(timeout(SOON, sqlx::query("VALUES (pg_sleep(0.2))").fetch_all(&pool)).await.is_err());
        let mut rows = sqlx::query("TABLE orders").fetch(&pool);
        rows.try_next().await.expect("there are orders");
        drop(rows);
        let mut rows = sqlx::query("DELETE FROM orders WHERE pg_sleep(0.2) IS NOT NULL").fetch(&pool);
        assert!(timeout(SOON, rows.try_next()).await.is_err());
        drop(rows);
        let held = pool.acquire().await.expect("it drains");
        assert!(timeout(SOON, sqlx::query("SHOW fsync").execute(&pool)).await.is_err());
        drop(held);
    })
    .await;
    for name in ["SELECT", "VALUES", "DELETE orders", "SHOW"] {
        assert_eq!(outcome(spans.named(name)), "cancelled", "{name}");
        assert_error(spans.named(name), "cancelled");
        assert_eq!(text(spans.named(name), "db.response.status_code"), "");
    }
    assert_eq!(outcome(spans.named("TABLE orders")), "dropped_early");
}

/// Scenario: a stream of three rows is dropped after two, another is read to its end.
/// Guarantees: the first is `dropped_early`, the second has no outcome, neither is an error.
#[tokio::test]
async fn who_has_read_enough_drops_early() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut rows = sqlx::query("SELECT id FROM orders").fetch(&pool);
        for _ in 0..2 {
            rows.try_next().await.expect("the rows come").expect("there are three");
        }
        drop(rows);
        let all: Vec<_> =
            sqlx::query("TABLE orders").fetch(&pool).try_collect().await.expect("the rows come");
        assert_eq!(all.len(), 3);
        // Never polled: no call was made.
        drop(sqlx::query("VALUES (1)").fetch(&pool));
    })
    .await;
    assert_eq!(spans.names(), ["SELECT orders", "TABLE orders"]);
    assert_eq!(outcome(spans.named("SELECT orders")), "dropped_early");
    assert_error(spans.named("SELECT orders"), "");
    assert_eq!(outcome(spans.named("TABLE orders")), "");
    assert_error(spans.named("TABLE orders"), "");
}

/// Scenario: the pool gives no connection in time, to a query and to a transaction.
/// Guarantees: the error is the pool's, on the call and on the transaction, and the caller gets it unchanged.
#[tokio::test]
async fn a_full_pool_is_an_error_of_its_own() {
    let Some(pool) = pool(1).await else { return };
    let options = PgPoolOptions::new().max_connections(1).acquire_timeout(SOON);
    let pool: journey::sqlx::PgPool = options.connect_lazy_with((*pool.connect_options()).clone()).into();
    let spans = traced(async {
        let _held = pool.acquire().await.expect("the pool is idle");
        let query = sqlx::query("SELECT 1").execute(&pool).await;
        assert!(matches!(query, Err(sqlx::Error::PoolTimedOut)));
        assert!(matches!(pool.begin().await, Err(sqlx::Error::PoolTimedOut)));
    })
    .await;
    for name in ["SELECT", "BEGIN", "transaction"] {
        assert_error(spans.named(name), "PoolTimedOut");
        assert_eq!(outcome(spans.named(name)), "");
    }
}
