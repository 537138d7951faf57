//! What the span of a call says.

use std::time::Duration;

use journey_trace::{JourneyCell, Key, SpanGuard};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceState};

use super::bench::{assert_error, outcome, pool, text, traced};
use crate::spans::exporter;

/// Scenario: one query with a bound value, inside a request that learned its order.
/// Guarantees: a CLIENT span of the request with the name, attributes and ids that the conventions and we ask
/// for.
#[tokio::test]
async fn a_query_says_what_it_is() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        sqlx::query("SELECT id FROM orders WHERE id = $1 AND state <> 'sold'")
            .bind(1_i64)
            .fetch_one(&pool)
            .await
            .expect("there is such an order");
    })
    .await;

    let span = spans.named("SELECT orders");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.parent_span_id, spans.request);
    assert_error(span, "");
    assert_eq!(outcome(span), "");
    assert_eq!(text(span, "db.system.name"), "postgresql");
    assert_eq!(text(span, "db.namespace"), pool.connect_options().get_database().unwrap_or_default());
    assert_eq!(text(span, "db.query.summary"), "SELECT orders");
    assert_eq!(text(span, "db.query.text"), "SELECT id FROM orders WHERE id = $1 AND state <> ?");
    assert_eq!(text(span, "server.address"), pool.connect_options().get_host());
    assert_eq!(text(span, "order.id"), "ORD-1");
    assert!(text(span, "journey.db.pool_wait").parse::<f64>().is_ok_and(|seconds| seconds > 0.0));
    assert_eq!(text(span, "db.operation.name"), "", "not to be extracted from the text");
}

/// Scenario: a text with a literal and nothing bound, on a pool and by `raw_sql`.
/// Guarantees: the literal is not shown.
#[tokio::test]
async fn unbound_literals_are_not_shown() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        sqlx::query("SELECT id FROM orders WHERE state = 'secret'")
            .fetch_all(&pool)
            .await
            .expect("it is right");
        sqlx::raw_sql("UPDATE orders SET state = 'secret'").execute(&pool).await.expect("it is right");
    })
    .await;
    assert_eq!(text(spans.named("SELECT orders"), "db.query.text"), "SELECT id FROM orders WHERE state = ?");
    assert_eq!(text(spans.named("UPDATE orders"), "db.query.text"), "UPDATE orders SET state = ?");
}

/// Scenario: a missing table, a repeated key, a wrong value, and no row at all.
/// Guarantees: the SQLSTATE is status code and error type, a message with a value is not told, and no row is
/// no error.
#[tokio::test]
async fn errors_are_told_by_sqlstate() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let missing = sqlx::query_as::<_, (i64,)>("SELECT id FROM missing").fetch_all(&pool).await;
        assert!(missing.is_err());
        assert!(sqlx::query("INSERT INTO orders VALUES ($1)").bind(1_i64).execute(&pool).await.is_err());
        assert!(sqlx::query("DELETE FROM orders WHERE id = 'secret'").execute(&pool).await.is_err());
        let none = sqlx::query("SELECT id FROM orders WHERE id = $1").bind(99_i64).fetch_one(&pool).await;
        assert!(matches!(none, Err(sqlx::Error::RowNotFound)));
    })
    .await;
    for (name, sqlstate, message) in [
        ("SELECT missing", "42P01", "relation \"missing\" does not exist"),
        ("INSERT orders", "23505", "duplicate key value violates unique constraint \"orders_pkey\""),
        ("DELETE orders", "22P02", ""),
    ] {
        let span = spans.named(name);
        assert_error(span, sqlstate);
        assert_eq!(text(span, "db.response.status_code"), sqlstate);
        assert_eq!(span.status, opentelemetry::trace::Status::error(message));
    }
    assert_error(spans.named("SELECT orders"), "");
}

/// Scenario: a pool of one connection that is held for 100 ms; a query, an acquire and a begin have to wait
/// for it.
/// Guarantees: the wait is told once, by the first call on the connection, and is not hidden in the query's
/// time.
#[tokio::test]
async fn waiting_for_the_pool_is_told() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        for round in 0..3 {
            let held = pool.acquire().await.expect("the pool is idle");
            let release = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                drop(held);
            };
            let work = async {
                match round {
                    0 => drop(sqlx::query("SELECT 1").execute(&pool).await.expect("it is right")),
                    1 => {
                        let mut connection = pool.acquire().await.expect("it comes back");
                        sqlx::query("SHOW fsync").execute(&mut *connection).await.expect("it is right");
                        sqlx::query("VALUES (1)").execute(&mut *connection).await.expect("it is right");
                    }
                    _ => pool.begin().await.expect("it comes back").commit().await.expect("it is right"),
                }
            };
            tokio::join!(release, work);
        }
    })
    .await;
    for name in ["SELECT", "SHOW", "BEGIN"] {
        let wait: f64 = text(spans.named(name), "journey.db.pool_wait").parse().expect("it is told");
        assert!(wait >= 0.09, "{name} waited {wait} s");
    }
    for name in ["VALUES", "COMMIT", "transaction"] {
        assert_eq!(text(spans.named(name), "journey.db.pool_wait"), "", "{name}");
    }
}

/// Scenario: a request that was not sampled.
/// Guarantees: its queries work, and leave no span.
#[tokio::test]
async fn unsampled_requests_leave_nothing() {
    let Some(pool) = pool(1).await else { return };
    let sampled = traced(async {}).await;
    let trace = opentelemetry::trace::TraceId::from(0x5a_u128);
    let parent = SpanContext::new(trace, sampled.request, TraceFlags::NOT_SAMPLED, true, TraceState::NONE);
    let work = async {
        let mut tx = pool.begin().await.expect("the pool is idle");
        sqlx::query("SELECT $1::int").bind(1).execute(&mut *tx).await.expect("it is right");
        tx.commit().await.expect("it is right");
    };
    work.with_context(Context::new().with_remote_span_context(parent)).await;
    let finished = exporter().get_finished_spans().expect("the exporter is never shut down");
    assert!(finished.iter().all(|span| span.span_context.trace_id() != trace));
}

/// Scenario: an id is learned, and a span opened, between two queries of one transaction.
/// Guarantees: the later query hangs under the inner span, and each has the ids known at its end.
#[tokio::test]
async fn inner_spans_are_parents() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("the pool is idle");
        sqlx::query("SELECT 1").execute(&mut *tx).await.expect("it is right");
        JourneyCell::current().expect("the request has one").set(Key::Production, "P-1");
        let inner = SpanGuard::start("inner", SpanKind::Internal, vec![], vec![], &Context::current());
        let query = sqlx::query("DELETE FROM orders").execute(&mut *tx).with_context(inner.context().clone());
        query.await.expect("it is right");
        inner.end();
        tx.rollback().await.expect("it is right");
    })
    .await;
    assert_eq!(spans.named("SELECT").parent_span_id, spans.id("transaction"));
    assert_eq!(spans.named("DELETE orders").parent_span_id, spans.id("inner"));
    assert_eq!(spans.named("inner").parent_span_id, spans.request);
    assert_eq!(text(spans.named("SELECT"), "production.id"), "");
    assert_eq!(text(spans.named("DELETE orders"), "production.id"), "P-1");
}
