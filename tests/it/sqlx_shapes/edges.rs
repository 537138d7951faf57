//! What callers, texts and servers do that nobody expects.

use std::time::Duration;

use futures_util::{FutureExt as _, TryStreamExt};
use journey::sqlx::PgPool;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgExecutor};
use tokio::time::timeout;

use super::bench::{assert_error, assert_whole, outcome, pool, raw_pool, text, traced};
use super::measured::Meter;

const SOON: Duration = Duration::from_millis(50);

/// Scenario: a handler panics in a transaction, after a savepoint and within a stream.
/// Guarantees: both transactions are told as dropped, nothing of them is kept, and the pool is whole.
#[tokio::test]
async fn a_panic_rolls_back() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let work = async {
            let mut tx = pool.begin().await.expect("it is idle");
            sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
            let mut savepoint = tx.begin().await.expect("it is right");
            let mut rows = sqlx::query("TABLE orders").fetch(&mut *savepoint);
            rows.try_next().await.expect("it is right");
            drop(rows);
            let mut rows = sqlx::query("VALUES (1), (2)").fetch(&mut *savepoint);
            rows.try_next().await.expect("it is right");
            panic!("the handler has a bug");
        };
        assert!(std::panic::AssertUnwindSafe(work).catch_unwind().await.is_err());
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.expect("it is back");
        assert_eq!(left, 3);
    })
    .await;
    for span in spans.all("transaction") {
        assert_eq!(outcome(span), "dropped_rollback");
        assert_error(span, "");
    }
    assert_eq!(spans.all("transaction").len(), 2);
    assert_eq!(outcome(spans.named("VALUES")), "dropped_early");
    assert_whole(&pool).await;
}

/// Scenario: checked macros in functions that are generic over the executor, by value and over all lifetimes.
/// Guarantees: they compile and answer on all of our types.
#[tokio::test]
async fn macros_in_generic_functions() -> Result<(), sqlx::Error> {
    async fn one<'e>(executor: impl PgExecutor<'e>) -> Result<i64, sqlx::Error> {
        Ok(sqlx::query!(r#"SELECT $1::bigint AS "number!""#, 7_i64).fetch_one(executor).await?.number)
    }
    async fn two<C>(connection: &mut C) -> Result<i64, sqlx::Error>
    where
        for<'a> &'a mut C: PgExecutor<'a>,
    {
        Ok(one(&mut *connection).await? + one(connection).await?)
    }
    let Some(pool) = pool(1).await else { return Ok(()) };
    assert_eq!(one(&pool).await?, 7);
    let mut tx = pool.begin().await?;
    assert_eq!(one(&mut *tx).await?, 7);
    assert_eq!(one(&mut tx).await?, 7);
    assert_eq!(two::<journey::sqlx::PgConnection>(&mut tx).await?, 14);
    tx.commit().await
}

/// Scenario: a savepoint does not begin, because its caller leaves or because the transaction is void; sqlx then rolls
/// back the transaction around it, and answers to the commit that all is well.
/// Guarantees: the span tells the truth, and the connection does not come back to the pool.
#[tokio::test]
async fn a_savepoint_that_does_not_begin_undoes_the_rest() {
    let Some(pool) = pool(1).await else { return };
    for leaves in [true, false] {
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("it is idle");
            sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
            if leaves {
                let slow = sqlx::query("SELECT pg_sleep(0.2)").execute(&mut *tx);
                assert!(timeout(SOON, slow).await.is_err());
                assert!(tx.begin().now_or_never().is_none(), "the server is busy");
            } else {
                assert!(sqlx::query("SELECT 1/0").execute(&mut *tx).await.is_err());
                assert!(tx.begin().await.is_err());
            }
            tx.commit().await.expect("sqlx says so");
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
                .fetch_one(&pool)
                .await
                .expect("it is right");
            assert_eq!(left, 3);
        })
        .await;
        let [inner, outer] = spans.all("transaction")[..] else { panic!("there are two") };
        assert_eq!(outcome(inner), if leaves { "begin_cancelled" } else { "" });
        assert_eq!(outcome(outer), "rolled_back", "leaves: {leaves}");
        assert_whole(&pool).await;
    }
}

/// Scenario: a stream in a transaction is left after one of many rows, and the transaction goes on.
/// Guarantees: the next statement says what it had to sit out, and what was done is committed.
#[tokio::test]
async fn a_left_stream_does_not_end_the_transaction() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("it is idle");
        let mut rows = sqlx::query("SELECT generate_series(1, 100000)").fetch(&mut *tx);
        rows.try_next().await.expect("it is right");
        drop(rows);
        sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
        tx.commit().await.expect("it is right");
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.expect("it is right");
        assert_eq!(left, 0);
    })
    .await;
    let sits_out = spans.named("DELETE orders");
    assert_eq!(text(sits_out, "journey.db.wait_reason"), "draining_cancelled");
    assert_eq!(sits_out.links.len(), 1);
    assert_eq!(outcome(spans.named("transaction")), "committed");
    assert_whole(&pool).await;
}

/// Scenario: a statement is longer than the server was told to allow; one waits too long for a lock.
/// Guarantees: the SQLSTATE is told, and that another try may help only where it may.
#[tokio::test]
async fn timeouts_of_the_server_are_told() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("it is idle");
        tx.execute("SET LOCAL statement_timeout = '30ms'").await.expect("it is right");
        assert!(sqlx::query("SELECT pg_sleep(5)").execute(&mut *tx).await.is_err());
        assert!(tx.commit().await.is_ok(), "sqlx says so");
    })
    .await;
    assert_error(spans.named("SELECT"), "57014");
    assert_eq!(text(spans.named("SELECT"), "journey.db.retryable"), "");
    assert_eq!(outcome(spans.named("transaction")), "rolled_back");

    let key = i64::from(std::process::id()) << 32 | 0x5530;
    let mut holder = pool.connect_options().connect().await.expect("the server is there");
    let hold = sqlx::query("SELECT pg_advisory_lock($1)").bind(key);
    hold.execute(&mut holder).await.expect("nobody holds it");
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("it is idle");
        tx.execute("SET LOCAL lock_timeout = '30ms'").await.expect("it is right");
        let wait = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(&mut *tx).await;
        assert!(matches!(wait, Err(sqlx::Error::Database(_))), "{wait:?}");
        tx.rollback().await.expect("it is right");
    })
    .await;
    let waited = spans.named("SELECT");
    assert_error(waited, "55P03");
    assert_eq!(text(waited, "db.response.status_code"), "55P03");
    assert_eq!(text(waited, "journey.db.retryable"), "", "the lock may be held for long");
    assert_eq!(outcome(spans.named("transaction")), "rolled_back");
    assert_whole(&pool).await;
}

/// Scenario: texts of a megabyte whose one literal begins before the limit and ends behind it, in each kind of quotes,
/// and one whose limit lies within a character.
/// Guarantees: the server gets them whole, the span shows at most 32 KiB and nothing of the literal.
#[tokio::test]
async fn long_texts_hide_their_literals_too() {
    let Some(pool) = pool(1).await else { return };
    let secret = "secret € ".repeat(100_000);
    for literal in [format!("'{secret}'"), format!("$a${secret}$a$"), format!("E'{secret}\\n'")] {
        let sql = format!("SELECT length({literal}) /* {secret} */");
        let spans = traced(async {
            let length: i32 =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&pool).await.expect("it is right");
            assert!(length >= 900_000);
        })
        .await;
        let shown = text(spans.named("SELECT"), "db.query.text");
        assert!(shown.len() <= journey::sqlx::limits::TEXT_BYTES_MAX, "{}", shown.len());
        assert!(!shown.contains("secret"), "{}", &shown[..200]);
    }
}

/// Scenario: several statements in one text, of which the second is wrong; a transaction within one text.
/// Guarantees: one span with the error and the rows so far, and the connection is in step.
#[tokio::test]
async fn several_statements_in_one_text() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let sql = "TABLE orders; SELECT 1/0; DELETE FROM orders";
        let mut steps = pool.fetch_many(sqlx::raw_sql(sql));
        let mut rows = 0;
        let error = loop {
            match steps.try_next().await {
                Ok(Some(step)) => rows += usize::from(step.is_right()),
                Ok(None) => panic!("the second is wrong"),
                Err(error) => break error,
            }
        };
        drop(steps);
        assert_eq!(rows, 3, "{error}");
        let sql = "BEGIN; DELETE FROM orders; ROLLBACK; VALUES (1); VALUES (2)";
        let rows = pool.fetch_all(sqlx::raw_sql(sql)).await.expect("it is right");
        assert_eq!(rows.len(), 2);
    })
    .await;
    assert_error(spans.named("TABLE orders SELECT DELETE orders"), "22012");
    assert_error(spans.named("BEGIN DELETE orders ROLLBACK VALUES VALUES"), "");
    assert_whole(&pool).await;
}

/// Scenario: NUL bytes in a text and in a value; a value that is no text; names that are no ASCII; an empty text.
/// Guarantees: sqlx's and the server's answers come unchanged, no value is told, and the connection is in step.
#[tokio::test]
async fn odd_bytes_do_no_harm() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let bare = (*pool).clone();
        for sql in [
            "SELECT 'a\0b'",
            "SELECT 1 \0 garbage",
            "\0",
            "",
            "  ",
            ";",
            "SELECT \"é\".* FROM (VALUES ('ü')) AS \"é\"",
        ] {
            let ours = sqlx::query(sql)
                .fetch_all(&pool)
                .await
                .map(|rows| rows.len())
                .map_err(|error| error.to_string());
            let theirs = sqlx::query(sql)
                .fetch_all(&bare)
                .await
                .map(|rows| rows.len())
                .map_err(|error| error.to_string());
            assert_eq!(ours, theirs, "{sql:?}");
        }
        let nul = sqlx::query("SELECT $1::text").bind("secret\0").fetch_all(&pool).await;
        assert!(nul.is_err());
        let sql = "SELECT convert_from('\\xff736563726574', 'UTF8')";
        assert!(sqlx::query(sql).fetch_all(&pool).await.is_err());
    })
    .await;
    let failed: Vec<_> = spans.every().iter().filter(|span| text(span, "error.type") == "22021").collect();
    assert_eq!(failed.len(), 2, "{:?}", spans.names());
    assert!(failed.iter().all(|span| !format!("{:?} {:?}", span.status, span.attributes).contains("secret")));
    assert_whole(&pool).await;
}

/// Scenario: whoever waits for a connection leaves, many times over, while the only one is held.
/// Guarantees: each wait is counted while it lasts and no longer, each has its one span, and the connection comes back.
#[tokio::test]
async fn who_leaves_the_queue_leaves_nothing() {
    let Some(raw) = raw_pool(1).await else { return };
    let meter = Meter::install().await;
    let pool = PgPool::builder().name("queue").wrap(raw);
    let pending = || {
        let name = "db.client.connection.pending_requests";
        meter.points(name, "db.client.connection.pool.name=queue")[0].1
    };
    let spans = traced(async {
        let held = pool.acquire().await.expect("it is idle");
        assert_eq!(pending(), 0.0);
        let wait = async |number: usize| match number % 3 {
            0 => assert!(timeout(10 * SOON, pool.acquire()).await.is_err()),
            1 => assert!(timeout(10 * SOON, pool.begin()).await.is_err()),
            _ => assert!(timeout(10 * SOON, sqlx::query("SHOW fsync").execute(&pool)).await.is_err()),
        };
        let look = async {
            tokio::time::sleep(SOON).await;
            assert_eq!(pending(), 30.0);
        };
        tokio::join!(futures_util::future::join_all((0..30).map(wait)), look);
        assert_eq!(pending(), 0.0);
        drop(held);
    })
    .await;
    for (name, expected) in
        [("SHOW", "cancelled"), ("BEGIN", "cancelled"), ("transaction", "begin_cancelled")]
    {
        let outcomes: Vec<_> = spans.all(name).into_iter().map(outcome).collect();
        assert_eq!(outcomes, [expected; 10], "{name}");
        spans.all(name).into_iter().for_each(|span| assert_error(span, "cancelled"));
    }
    let waits: Vec<_> =
        spans.all("db.pool.acquire").into_iter().filter(|span| outcome(span) == "cancelled").collect();
    assert_eq!(waits.len(), 30);
    assert!(waits.iter().all(|span| text(span, "journey.db.wait_reason") == "saturated"));
    assert_whole(&pool).await;
}
