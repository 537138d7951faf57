//! Faults: a server that goes away, transactions that fight, and a pool under storm.

use std::time::Duration;

use futures_util::future::join_all;
use journey::sqlx::{PgPool, Transaction};
use journey_testkit::env_url;
use sqlx::ConnectOptions;
use sqlx::postgres::PgPoolOptions;

use super::bench::{assert_error, outcome, pool, seconds, text, traced};

/// Ends the server's process of a connection, by another one.
async fn terminate(pool: &PgPool, tx: &mut Transaction<'_>) {
    let pid: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut **tx).await.expect("it is open");
    // By sqlx's type: it is no part of the journey.
    let mut other = pool.connect_options().connect().await.expect("the server is there");
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut other).await.expect("it may");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Scenario: the connection is cut while a transaction is open; the caller commits, or runs a statement first.
/// Guarantees: the call that met it has the error, the transaction is rolled back, and the pool goes on.
#[tokio::test]
async fn a_cut_connection_rolls_back() {
    let Some(pool) = pool(1).await else { return };
    for has_statement in [false, true] {
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("the pool is idle");
            terminate(&pool, &mut tx).await;
            if has_statement {
                assert!(sqlx::query("DELETE FROM orders").execute(&mut *tx).await.is_err());
            }
            assert!(tx.commit().await.is_err());
        })
        .await;
        let met_it = if has_statement { "DELETE orders" } else { "COMMIT" };
        assert_error(spans.named(met_it), "57P01");
        assert_eq!(text(spans.named(met_it), "journey.db.retryable"), "true");
        assert_ne!(text(spans.named("COMMIT"), "error.type"), "");
        let transaction = spans.named("transaction");
        assert_eq!(outcome(transaction), "rolled_back", "after {met_it}");
        assert_ne!(text(transaction, "error.type"), "");
        assert_eq!(text(transaction, "journey.db.statements"), if has_statement { "2" } else { "1" });
        sqlx::query("SELECT 1").execute(&pool).await.expect("the pool opens another connection");
    }
}

/// Scenario: two serializable transactions read and write the same rows, and a constraint is violated.
/// Guarantees: the loser is told to be worth another try, the constraint has a name, and is not.
#[tokio::test]
async fn retryable_errors_are_told() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let pool: PgPool =
        PgPoolOptions::new().max_connections(2).connect(&url).await.expect("it is there").into();
    let table = format!("journey_fight_{}", std::process::id());
    let create = format!(
        "CREATE TABLE {table} (id int CONSTRAINT fight_key PRIMARY KEY, n int); INSERT INTO {table} VALUES (1, 0)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&pool).await.expect("it is right");
    let spans = traced(async {
        let begin = || pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE");
        let (mut one, mut two) = (begin().await.expect("it is idle"), begin().await.expect("it is idle"));
        let read = format!("SELECT n FROM {table}");
        let write = format!("UPDATE {table} SET n = n + 1");
        for tx in [&mut one, &mut two] {
            sqlx::query(sqlx::AssertSqlSafe(read.clone())).execute(&mut **tx).await.expect("it is right");
        }
        sqlx::query(sqlx::AssertSqlSafe(write.clone())).execute(&mut *one).await.expect("it is first");
        one.commit().await.expect("it is first");
        assert!(sqlx::query(sqlx::AssertSqlSafe(write)).execute(&mut *two).await.is_err());
        drop(two);
        let again = format!("INSERT INTO {table} VALUES (1, 1)");
        assert!(sqlx::query(sqlx::AssertSqlSafe(again)).execute(&pool).await.is_err());
    })
    .await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TABLE {table}")))
        .execute(&pool)
        .await
        .expect("it is there");
    let loser = spans.all(&format!("UPDATE {table}"))[1];
    assert_error(loser, "40001");
    assert_eq!(text(loser, "journey.db.retryable"), "true");
    let doubled = spans.named(&format!("INSERT {table}"));
    assert_error(doubled, "23505");
    assert_eq!(text(doubled, "journey.db.constraint"), "fight_key");
    assert_eq!(text(doubled, "journey.db.retryable"), "");
}

/// Scenario: a caller works for 200 ms between two statements of a transaction, and again inside a savepoint.
/// Guarantees: the time in which the database waited for the caller is told, on the savepoint its own, on the
/// transaction all of it.
#[tokio::test]
async fn idle_time_is_told() {
    let pause = || tokio::time::sleep(Duration::from_millis(200));
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("the pool is idle");
        sqlx::query("SELECT pg_sleep(0.1)").execute(&mut *tx).await.expect("it is right");
        pause().await;
        let mut savepoint = tx.begin().await.expect("it is right");
        pause().await;
        sqlx::query("SELECT 1").execute(&mut *savepoint).await.expect("it is right");
        savepoint.commit().await.expect("it is right");
        tx.commit().await.expect("it is right");
    })
    .await;
    let [inner, outer] = spans.all("transaction")[..] else { panic!("there are two") };
    let idle = |span| seconds(span, "journey.db.idle_in_transaction").expect("it is told");
    assert!((0.19..0.35).contains(&idle(inner)), "{}", idle(inner));
    assert!((0.39..0.55).contains(&idle(outer)), "{}", idle(outer));
    assert_eq!(text(inner, "journey.db.statements"), "1");
    assert_eq!(text(outer, "journey.db.statements"), "2");
}

/// Scenario: two hundred callers at a pool of two that gives up after 300 ms; a third of them leave by themselves.
/// Guarantees: each call has one span with the one outcome that its caller saw, and the pool is whole in the end.
#[tokio::test]
async fn a_starved_pool_loses_nothing() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_millis(300));
    let pool: PgPool = options.connect(&url).await.expect("it is there").into();
    let mut seen = [0; 3];
    let spans = traced(async {
        let calls = (0..200).map(async |number: u64| {
            let query = sqlx::query("SELECT pg_sleep(0.02)").execute(&pool);
            let patience = Duration::from_millis(if number.is_multiple_of(3) { 30 } else { 5000 });
            match tokio::time::timeout(patience, query).await {
                Ok(Ok(_)) => 0,
                Ok(Err(sqlx::Error::PoolTimedOut)) => 1,
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => 2,
            }
        });
        join_all(calls).await.into_iter().for_each(|ending: usize| seen[ending] += 1);
    })
    .await;
    let count = |error_type: &str| {
        spans.all("SELECT").iter().filter(|span| text(span, "error.type") == error_type).count()
    };
    assert_eq!([count(""), count("PoolTimedOut"), count("cancelled")], seen);
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    assert_eq!(seen.iter().sum::<usize>(), 200);
    let mut both = vec![];
    for _ in 0..2 {
        both.push(pool.acquire().await.expect("both connections are back"));
    }
}
