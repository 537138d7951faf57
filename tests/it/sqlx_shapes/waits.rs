//! Why a call waited for its connection.

use std::time::Duration;

use journey::sqlx::PgPool;
use journey_testkit::env_url;
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

use super::bench::{Spans, assert_error, outcome, pool, seconds, text, traced};

const SOON: Duration = Duration::from_millis(50);

fn reason(spans: &Spans, name: &str) -> String {
    text(spans.named(name), "journey.db.wait_reason")
}

/// Scenario: a pool of one that is empty, then idle, then held by somebody.
/// Guarantees: each call says why it waited; only the long wait has a span of its own, which is its child and no
/// database call.
#[tokio::test]
async fn each_wait_has_a_reason() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let options = url.parse().expect("it is a URL");
    let pool: PgPool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options).into();
    let spans = traced(async {
        sqlx::query("SHOW fsync").execute(&pool).await.expect("it connects");
        // What a query leaves behind is tested by a task before it is idle.
        tokio::time::sleep(SOON).await;
        sqlx::query("SELECT 1").execute(&pool).await.expect("it is idle");
        let held = pool.acquire().await.expect("it is idle");
        let release = async {
            tokio::time::sleep(2 * SOON).await;
            drop(held);
        };
        let (_, result) = tokio::join!(release, sqlx::query("VALUES (1)").execute(&pool));
        result.expect("it comes back");
    })
    .await;
    assert_eq!(reason(&spans, "SHOW"), "new_connection");
    assert_eq!(reason(&spans, "SELECT"), "idle");
    assert_eq!(reason(&spans, "VALUES"), "saturated");

    let waits = spans.all("db.pool.acquire");
    let long = *waits.last().expect("the last wait was long");
    assert_eq!(long.parent_span_id, spans.id("VALUES"));
    assert_eq!(text(long, "db.system.name"), "");
    assert_eq!(text(long, "journey.db.wait_reason"), "saturated");
    assert!(seconds(long, "journey.db.pool_wait").is_some_and(|wait| wait >= 0.09));
}

/// Scenario: a caller leaves a query that takes 400 ms; sqlx cancels nothing on the server, and the next caller of the
/// only connection waits.
/// Guarantees: the innocent query says why it waited and links to the guilty one, and so does its wait's span. When
/// the connection is back, nobody is blamed any more.
#[tokio::test]
async fn who_waits_for_a_left_query_names_it() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let left = sqlx::query("SELECT pg_sleep(0.4)").execute(&pool);
        assert!(timeout(SOON, left).await.is_err());
        sqlx::query("VALUES (1)").execute(&pool).await.expect("it comes back");
        tokio::time::sleep(SOON).await;
        sqlx::query("SHOW fsync").execute(&pool).await.expect("it is idle");
    })
    .await;
    let guilty = spans.id("SELECT");
    for span in [spans.named("VALUES"), *spans.all("db.pool.acquire").last().expect("it was long")] {
        assert_eq!(text(span, "journey.db.wait_reason"), "draining_cancelled", "{}", span.name);
        assert!(seconds(span, "journey.db.pool_wait").is_some_and(|wait| wait > 0.2), "{}", span.name);
        let links: Vec<_> = span.links.iter().map(|link| link.span_context.span_id()).collect();
        assert_eq!(links, [guilty], "{}", span.name);
        assert_error(span, "");
    }
    assert_eq!(reason(&spans, "SHOW"), "idle");
    assert!(spans.named("SHOW").links.is_empty());
}

/// Scenario: a caller leaves a query and uses the same connection again.
/// Guarantees: the next call on it says why it was slow, and links to the query it had to sit out.
#[tokio::test]
async fn a_left_query_is_named_on_the_same_connection_too() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut connection = pool.acquire().await.expect("it is idle");
        let left = sqlx::query("SELECT pg_sleep(0.2)").execute(&mut *connection);
        assert!(timeout(SOON, left).await.is_err());
        sqlx::query("VALUES (1)").execute(&mut *connection).await.expect("it is right");
        sqlx::query("SHOW fsync").execute(&mut *connection).await.expect("it is right");
    })
    .await;
    assert_eq!(reason(&spans, "VALUES"), "draining_cancelled");
    assert_eq!(
        spans.named("VALUES").links.iter().map(|link| link.span_context.span_id()).next(),
        Some(spans.id("SELECT"))
    );
    assert_eq!(reason(&spans, "SHOW"), "");
    assert!(spans.named("SHOW").links.is_empty());
}

/// Scenario: connections are asked for explicitly, in vain: in time and by somebody who leaves.
/// Guarantees: there is no call that could tell it, so the wait has a span with the error.
#[tokio::test]
async fn a_wait_in_vain_is_told() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let options = PgPoolOptions::new().max_connections(1).acquire_timeout(2 * SOON);
    let pool: PgPool = options.connect(&url).await.expect("the URL leads to a server").into();
    let spans = traced(async {
        let _held = pool.acquire().await.expect("it is idle");
        assert!(matches!(pool.acquire().await, Err(sqlx::Error::PoolTimedOut)));
        assert!(timeout(SOON, pool.acquire()).await.is_err());
    })
    .await;
    let [.., timed_out, left] = spans.all("db.pool.acquire")[..] else { panic!("two waits were long") };
    assert_error(timed_out, "PoolTimedOut");
    assert_eq!(outcome(timed_out), "");
    assert_error(left, "cancelled");
    assert_eq!(outcome(left), "cancelled");
    for span in [timed_out, left] {
        assert_eq!(span.parent_span_id, spans.request);
        assert_eq!(text(span, "journey.db.wait_reason"), "saturated");
        assert_eq!(text(span, "order.id"), "ORD-1");
    }
}
