//! The choices of a builder.

use std::time::Duration;

use journey::sqlx::{PgPool, QueryText};
use opentelemetry::KeyValue;

use super::bench::{assert_error, raw_pool, text, traced};

/// Scenario: a pool with a schema, rows, an attribute of the service's own, a name of the service's own and a filter.
/// Guarantees: spans say so, and a call that the filter refuses has none.
#[tokio::test]
async fn hooks_shape_spans() {
    let Some(raw) = raw_pool(1).await else { return };
    let database = raw.connect_options().get_database().unwrap_or_default().to_owned();
    let pool = PgPool::builder()
        .name("mes")
        .schema("mes")
        .rows(true)
        .filter(|query| !query.text().contains("pg_jobs"))
        .enrich(|query, attributes| {
            if query.has_bound_values() {
                attributes.push(KeyValue::new("journey.conflict", true));
            }
        })
        .wrap(raw);
    let spans = traced(async {
        sqlx::query("SELECT id FROM orders WHERE id > 99").fetch_all(&pool).await.expect("it is right");
        sqlx::query("UPDATE orders SET state = 'sold' WHERE id < 3")
            .execute(&pool)
            .await
            .expect("it is right");
        sqlx::query("VALUES (1), (2)").fetch_all(&pool).await.expect("it is right");
        sqlx::query("DELETE FROM orders WHERE id = $1")
            .bind(3_i64)
            .execute(&pool)
            .await
            .expect("it is right");
        sqlx::query("SELECT 1 AS pg_jobs").fetch_all(&pool).await.expect("it is right");
    })
    .await;
    assert_eq!(spans.names(), ["SELECT orders", "UPDATE orders", "VALUES", "DELETE orders"]);
    let rows = |name| {
        let span = spans.named(name);
        (text(span, "db.response.returned_rows"), text(span, "journey.db.affected_rows"))
    };
    assert_eq!(rows("SELECT orders"), ("0".into(), "0".into()));
    assert_eq!(rows("UPDATE orders"), ("0".into(), "2".into()));
    assert_eq!(rows("VALUES"), ("2".into(), "2".into()));
    assert_eq!(text(spans.named("DELETE orders"), "journey.conflict"), "true");
    assert_eq!(text(spans.named("VALUES"), "journey.conflict"), "");
    assert_eq!(text(spans.named("VALUES"), "db.namespace"), format!("{database}|mes"));
}

/// Scenario: one statement with a bound value and a literal, under each policy.
/// Guarantees: each shows what it says.
#[tokio::test]
async fn the_text_is_shown_by_policy() {
    const SQL: &str = "SELECT id FROM orders WHERE id = $1 AND state = 'new' -- mine";
    let hidden = "SELECT id FROM orders WHERE id = $1 AND state = ? ";
    for (policy, shown) in
        [(QueryText::Auto, SQL), (QueryText::Raw, SQL), (QueryText::Sanitized, hidden), (QueryText::Off, "")]
    {
        let Some(raw) = raw_pool(1).await else { return };
        let pool = PgPool::builder().query_text(policy).wrap(raw);
        let spans = traced(async {
            sqlx::query(SQL).bind(1_i64).fetch_one(&pool).await.expect("there is such an order");
        })
        .await;
        assert_eq!(text(spans.named("SELECT orders"), "db.query.text"), shown, "{policy:?}");
    }
}

/// Scenario: a pool that shows only calls of 100 ms and more, and a short, a long, and a short wrong one.
/// Guarantees: the long one has a span of its true length and place, and so has the wrong one.
#[tokio::test]
async fn short_calls_may_have_no_span() {
    let Some(raw) = raw_pool(1).await else { return };
    let pool = PgPool::builder().min_duration(Duration::from_millis(100)).wrap(raw);
    let spans = traced(async {
        sqlx::query("SELECT id FROM orders").fetch_all(&pool).await.expect("it is right");
        sqlx::query("VALUES (pg_sleep(0.15))").execute(&pool).await.expect("it is right");
        assert!(sqlx::query("SELECT id FROM missing").execute(&pool).await.is_err());
    })
    .await;
    assert_eq!(spans.names(), ["VALUES", "SELECT missing"]);
    let long = spans.named("VALUES");
    let length = long.end_time.duration_since(long.start_time).expect("it ends after its start");
    assert!(length >= Duration::from_millis(150) && length < Duration::from_secs(2), "{length:?}");
    assert_eq!(long.parent_span_id, spans.request);
    assert_error(spans.named("SELECT missing"), "42P01");
}
