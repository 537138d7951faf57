//! `COPY` that does not come to its end, or fails.

use futures_util::TryStreamExt;
use sqlx::Executor;

use super::bench::{assert_error, assert_whole, outcome, pool, seconds, text, traced};

/// Scenario: a `COPY TO STDOUT` of many rows is left, on the pool and on a connection.
/// Guarantees: whoever comes next gets its own answer; on the pool it says what it waited for.
#[tokio::test]
async fn a_left_copy_is_told_as_the_cause() {
    const COPY: &str = "COPY (SELECT generate_series(1, 2000000)) TO STDOUT";
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut data = pool.copy_out_raw(COPY).await.expect("it is right");
        data.try_next().await.expect("it is right").expect("there are rows");
        drop(data);
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.expect("it is right");
        assert_eq!(count, 3);
    })
    .await;
    let copy = spans.every().iter().find(|span| span.name.starts_with("COPY")).expect("it has a span");
    assert_eq!(outcome(copy), "dropped_early");
    assert!(seconds(copy, "journey.db.pool_wait").is_some());
    let next = spans.named("SELECT orders");
    assert_eq!(text(next, "journey.db.wait_reason"), "draining_cancelled");
    assert_eq!(
        next.links.iter().map(|link| link.span_context.span_id()).next(),
        Some(copy.span_context.span_id())
    );
    assert_whole(&pool).await;

    assert!(pool.copy_out_raw("COPY missing TO STDOUT").await.is_err());
    assert_whole(&pool).await;
    let copied = pool.copy_in_raw("COPY orders (id) FROM STDIN").await.expect("it is right");
    drop(copied);
    assert_whole(&pool).await;
}

/// Scenario: a `COPY` is left on a connection that goes on: its data is not read, not sent, or it was refused.
/// Guarantees: no call gets the answer of another: each fails, whatever it is; the connection does not come back.
#[tokio::test]
async fn a_connection_with_a_left_copy_says_so() {
    let Some(pool) = pool(1).await else { return };
    for case in ["not read", "not sent", "refused"] {
        let mut connection = pool.acquire().await.expect("it is idle");
        match case {
            "not read" => {
                let sql = "COPY (SELECT generate_series(1, 2000000)) TO STDOUT";
                drop(connection.copy_out_raw(sql).await.expect("it is right"));
            }
            "not sent" => {
                drop(connection.copy_in_raw("COPY orders (id) FROM STDIN").await.expect("it is right"));
            }
            _ => assert!(connection.copy_out_raw("COPY missing TO STDOUT").await.is_err()),
        }
        let spans = traced(async {
            for _ in 0..2 {
                let sql = "SELECT count(*) FROM orders";
                let count = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *connection).await;
                assert!(matches!(count, Err(sqlx::Error::Protocol(_))), "{case}: {count:?}");
                assert!(matches!(connection.begin().await, Err(sqlx::Error::Protocol(_))), "{case}");
                let copy = connection.copy_in_raw("COPY orders (id) FROM STDIN").await;
                assert!(matches!(copy, Err(sqlx::Error::Protocol(_))), "{case}");
            }
        })
        .await;
        assert_eq!(spans.every().len(), 8, "{case}: {:?}", spans.names());
        spans.every().iter().for_each(|span| assert_error(span, "Protocol"));
        drop(connection);
        assert_whole(&pool).await;
    }
}

/// Scenario: a `COPY` is left in a transaction, and the caller commits.
/// Guarantees: he hears that it failed; nothing is kept, which is certain, and the span says so.
#[tokio::test]
async fn a_left_copy_does_not_commit() {
    let Some(pool) = pool(1).await else { return };
    for is_out in [true, false] {
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("it is idle");
            sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
            if is_out {
                let sql = "COPY (SELECT generate_series(1, 2000000)) TO STDOUT";
                drop(tx.copy_out_raw(sql).await.expect("it is right"));
            } else {
                drop(tx.copy_in_raw("COPY orders (id) FROM STDIN").await.expect("it is right"));
            }
            assert!(matches!(tx.commit().await, Err(sqlx::Error::Protocol(_))));
        })
        .await;
        let transaction = spans.named("transaction");
        assert_eq!(outcome(transaction), "rolled_back", "out: {is_out}");
        assert_error(transaction, "Protocol");
        assert_eq!(text(transaction, "journey.db.statements"), "2");
        assert_whole(&pool).await;
    }
}

/// Scenario: in a transaction, a COPY breaks a unique key, one is aborted, one goes well; each is
/// committed, and sqlx says Ok.
/// Guarantees: the span says what PostgreSQL did: it rolled back where a COPY failed.
#[tokio::test]
async fn a_copy_that_fails_makes_its_transaction_void() {
    let Some(pool) = pool(1).await else { return };
    for (case, expected) in [("twice", "rolled_back"), ("aborted", "rolled_back"), ("well", "committed")] {
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("it is idle");
            tx.execute("CREATE TEMPORARY TABLE copied (id int PRIMARY KEY) ON COMMIT DROP")
                .await
                .expect("it is right");
            let mut copy = tx.copy_in_raw("COPY copied (id) FROM STDIN").await.expect("it is right");
            copy.send(if case == "twice" { &b"1\n1\n"[..] } else { b"1\n" }).await.expect("sent");
            match case {
                "aborted" => copy.abort("enough").await.expect("the server agrees"),
                "twice" => assert!(copy.finish().await.is_err()),
                _ => assert_eq!(copy.finish().await.expect("it is right"), 1),
            }
            tx.commit().await.expect("sqlx says so");
        })
        .await;
        assert_eq!(outcome(spans.named("transaction")), expected, "{case}");
        assert_whole(&pool).await;
    }
}
