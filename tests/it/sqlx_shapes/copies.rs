//! `COPY`: a call like any other.

use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::timeout;

use super::bench::{assert_error, assert_whole, outcome, pool, seconds, text, traced};

const SOON: Duration = Duration::from_millis(50);
const IN: &str = "COPY orders (id) FROM STDIN";
const OUT: &str = "COPY orders (id) TO STDOUT";

/// Scenario: a caller takes 200 ms to send the rows of a `COPY` in a transaction, and as long to read those of another.
/// Guarantees: both are statements, and their time is none in which the transaction was idle.
#[tokio::test]
async fn a_copy_is_work_of_its_transaction() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("it is idle");
        let mut copy = tx.copy_in_raw(IN).await.expect("it is right");
        tokio::time::sleep(4 * SOON).await;
        copy.send(&b"7\n"[..]).await.expect("it is right");
        assert_eq!(copy.finish().await.expect("it is right"), 1);
        let mut rows = tx.copy_out_raw(OUT).await.expect("it is right");
        tokio::time::sleep(4 * SOON).await;
        while rows.try_next().await.expect("it is right").is_some() {}
        drop(rows);
        tokio::time::sleep(SOON).await;
        tx.commit().await.expect("it is right");
    })
    .await;
    let transaction = spans.named("transaction");
    assert_eq!(text(transaction, "journey.db.statements"), "2");
    let idle = seconds(transaction, "journey.db.idle_in_transaction").expect("it is told");
    assert!((0.045..0.3).contains(&idle), "{idle}");
    for copy in spans.all("COPY orders") {
        let length = copy.end_time.duration_since(copy.start_time).expect("it ends after its start");
        assert!(length >= 4 * SOON, "{length:?}");
        assert_eq!(copy.parent_span_id, spans.id("transaction"));
    }
    assert_whole(&pool).await;
}

/// Scenario: the only connection of a pool is held for 100 ms, and its caller leaves a query on it; rows are copied in.
/// Guarantees: the wait for the pool is told, why it was, and by a span of its own; in vain too.
#[tokio::test]
async fn a_copy_tells_its_wait_for_the_pool() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let held = pool.acquire().await.expect("it is idle");
        let release = async {
            tokio::time::sleep(2 * SOON).await;
            drop(held);
        };
        let copy = async {
            let mut copy = pool.copy_in_raw(IN).await.expect("it comes back");
            copy.send(&b"7\n8\n"[..]).await.expect("it is right");
            assert_eq!(copy.finish().await.expect("it is right"), 2);
        };
        tokio::join!(release, copy);
        let _held = pool.acquire().await.expect("it is idle");
        assert!(timeout(SOON, pool.copy_in_raw(IN)).await.is_err(), "it is held");
    })
    .await;
    let [copied, left] = spans.all("COPY orders")[..] else { panic!("there are two") };
    assert_eq!(text(copied, "journey.db.wait_reason"), "saturated");
    assert!(seconds(copied, "journey.db.pool_wait").is_some_and(|wait| wait >= 0.09));
    assert_error(copied, "");
    assert_eq!(outcome(left), "cancelled");
    let waits = spans.all("db.pool.acquire");
    assert!(waits.iter().any(|wait| wait.parent_span_id == copied.span_context.span_id()));
    assert!(waits.iter().any(|wait| outcome(wait) == "cancelled"));
    assert_whole(&pool).await;
}

/// Scenario: a query is left on a connection on which rows are then copied in.
/// Guarantees: the `COPY` says what it had to sit out.
#[tokio::test]
async fn a_copy_names_the_left_query_before_it() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut connection = pool.acquire().await.expect("it is idle");
        let left = sqlx::query("SELECT pg_sleep(0.2)").execute(&mut *connection);
        assert!(timeout(SOON, left).await.is_err());
        let copy = connection.copy_in_raw(IN).await.expect("it is right");
        copy.finish().await.expect("it is right");
    })
    .await;
    let copy = spans.named("COPY orders");
    assert_eq!(text(copy, "journey.db.wait_reason"), "draining_cancelled");
    let links: Vec<_> = copy.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(links, [spans.id("SELECT")]);
}

/// Scenario: megabytes are sent in one piece, and read from a source, by callers one of whom leaves and comes back.
/// Guarantees: the server gets all of it in order, as often as sqlx would send it.
#[tokio::test]
async fn large_copies_arrive_whole() {
    let Some(pool) = pool(1).await else { return };
    let lines = |from: u32, to: u32| (from..to).map(|number| format!("{number}\n")).collect::<String>();
    let mut connection = pool.acquire().await.expect("it is idle");
    let mut copy =
        connection.copy_in_raw("COPY orders (id) FROM STDIN (FORMAT csv)").await.expect("it is right");
    assert!(copy.is_textual() && copy.column_is_textual(0));
    copy.send(lines(1_000_000, 1_300_000).into_bytes()).await.expect("it is right");
    copy.read_from(lines(1_300_000, 1_600_000).as_bytes()).await.expect("it is right");
    // What one left is sent before what the next one sends.
    let mut pieces = lines(1_600_000, 1_700_000).into_bytes();
    let rest = pieces.split_off(1000);
    drop(timeout(Duration::ZERO, copy.send(pieces)).await);
    copy.send(rest).await.expect("it is right");
    assert_eq!(copy.finish().await.expect("it is right"), 700_000);
    let sum: i64 = sqlx::query_scalar("SELECT sum(id)::bigint FROM orders WHERE id >= 1000000")
        .fetch_one(&mut *connection)
        .await
        .expect("it is in step");
    assert_eq!(sum, (1_000_000..1_700_000_i64).sum::<i64>());
}

/// Scenario: the server refuses a statement, and rows; the caller asks for more after that.
/// Guarantees: the errors are the server's, the connection goes on, and who asks for more has an error too.
#[tokio::test]
async fn what_the_server_refuses_is_over() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut connection = pool.acquire().await.expect("it is idle");
        assert!(connection.copy_in_raw("COPY missing FROM STDIN").await.is_err());
        let mut copy = connection.copy_in_raw(IN).await.expect("it is right");
        copy.send(&b"1\n"[..]).await.expect("nobody has looked at it");
        assert!(copy.finish().await.is_err(), "there is one");
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
            .fetch_one(&mut *connection)
            .await
            .expect("it is in step");
        assert_eq!(count, 3);
    })
    .await;
    assert_error(spans.named("COPY missing"), "42P01");
    assert_error(spans.named("COPY orders"), "23505");
    assert_eq!(text(spans.named("COPY orders"), "journey.db.constraint"), "orders_pkey");
}
