//! Streams of rows: whose time it was.

use std::time::Duration;

use futures_util::TryStreamExt;
use journey::sqlx::PgPool;
use sqlx::Executor;

use super::bench::{outcome, pool, raw_pool, seconds, text, traced};

/// Scenario: a stream whose first row takes the server 100 ms, and whose reader takes 200 ms for it.
/// Guarantees: the span is as long as both, and says how much of it was the server's, and when the first row came.
#[tokio::test]
async fn the_readers_time_is_told_apart() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut rows =
            sqlx::query("SELECT id FROM orders WHERE pg_sleep(0.1) IS NOT NULL AND id = 1").fetch(&pool);
        rows.try_next().await.expect("it is right").expect("there is an order");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(rows.try_next().await.expect("it is right").is_none());
    })
    .await;
    let span = spans.named("SELECT orders");
    let length =
        span.end_time.duration_since(span.start_time).expect("it ends after its start").as_secs_f64();
    let server = seconds(span, "journey.db.server_wait").expect("it is told");
    let first_row = seconds(span, "journey.db.time_to_first_row").expect("it is told");
    assert!(length >= 0.3, "{length}");
    assert!((0.09..0.19).contains(&server), "{server}");
    assert!((0.09..0.19).contains(&first_row), "{first_row}");
}

/// Scenario: a stream is dropped after two of three rows.
/// Guarantees: the rows that were seen are told.
#[tokio::test]
async fn rows_so_far_are_told() {
    let Some(raw) = raw_pool(1).await else { return };
    let pool = PgPool::builder().rows(true).wrap(raw);
    let spans = traced(async {
        let mut rows = sqlx::query("SELECT id FROM orders").fetch(&pool);
        for _ in 0..2 {
            rows.try_next().await.expect("the rows come").expect("there are three");
        }
        drop(rows);
    })
    .await;
    assert_eq!(text(spans.named("SELECT orders"), "db.response.returned_rows"), "2");
}

/// Scenario: a statement is prepared, on a pool and on a connection.
/// Guarantees: that is a call of its own.
#[tokio::test]
async fn preparing_is_a_call() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        use sqlx::SqlSafeStr;
        pool.prepare("SELECT id FROM orders WHERE id = $1".into_sql_str()).await.expect("it is right");
        let mut connection = pool.acquire().await.expect("it is idle");
        assert!((&mut *connection).prepare("SELECT id FROM missing".into_sql_str()).await.is_err());
    })
    .await;
    assert_eq!(spans.names(), ["PREPARE SELECT orders", "PREPARE SELECT missing"]);
    assert_eq!(text(spans.named("PREPARE SELECT missing"), "error.type"), "42P01");
}

/// Scenario: rows are copied in and out, on a connection and on a pool; one copy is aborted, one is dropped, one is wrong.
/// Guarantees: each copy is one call to its end, and says how it ended.
#[tokio::test]
async fn copies_have_spans() {
    let Some(raw) = raw_pool(1).await else { return };
    let pool = PgPool::builder().rows(true).wrap(raw);
    let spans = traced(async {
        let mut connection = pool.acquire().await.expect("it is idle");
        let mut copy = connection.copy_in_raw("COPY orders (id) FROM STDIN").await.expect("it is right");
        copy.send(&b"7\n8\n"[..]).await.expect("it is right");
        assert_eq!((copy.num_columns(), copy.finish().await.expect("it is right")), (1, 2));
        let out = connection.copy_out_raw("COPY orders (id) TO STDOUT").await.expect("it is right");
        let out: Vec<_> = out.try_collect().await.expect("it is right");
        assert_eq!(out.concat(), b"1\n2\n3\n7\n8\n");
        drop(connection);
        let copy = pool.copy_in_raw("COPY orders (state) FROM STDIN").await.expect("it is right");
        copy.abort("enough").await.expect("it may");
        drop(pool.copy_in_raw("COPY orders (id, state) FROM STDIN").await.expect("it is right"));
        assert!(pool.copy_out_raw("COPY missing TO STDOUT").await.is_err());
    })
    .await;
    assert_eq!(spans.names(), ["COPY orders", "COPY orders", "COPY orders", "COPY orders", "COPY missing"]);
    let [copied_in, copied_out, aborted, dropped] = spans.all("COPY orders")[..] else {
        panic!("there are four")
    };
    assert_eq!(text(copied_in, "journey.db.affected_rows"), "2");
    assert_eq!(
        ["", "", "dropped_early", "cancelled"],
        [copied_in, copied_out, aborted, dropped].map(outcome).each_ref().map(String::as_str)
    );
    assert_eq!(text(spans.named("COPY missing"), "error.type"), "42P01");
}
