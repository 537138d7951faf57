//! The layer over sqlx's own events.

use futures_util::TryStreamExt;
use journey::sqlx::{PgPool, SqlxEventsLayer};
use opentelemetry::trace::SpanKind;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use crate::sdk::alone::alone;

use super::bench::{raw_pool, seconds, text, traced};

/// Scenario: the same pool is used by our type and by sqlx's, which a helper takes, under the layer; once a stream is
/// dropped early.
/// Guarantees: each query has one span: ours where our type was used, the event's elsewhere, under the right parent.
#[test]
fn queries_on_raw_types_have_spans_too() {
    // Who logs where is decided once for all threads of a process, by whichever test comes first.
    alone(|| tokio::runtime::Runtime::new().expect("there are threads").block_on(queries_on_raw_types()));
}

async fn queries_on_raw_types() {
    async fn helper(pool: &sqlx::PgPool) -> i64 {
        sqlx::query_scalar("SELECT count(*), 'secret' FROM orders")
            .fetch_one(pool)
            .await
            .expect("it is right")
    }
    let Some(raw) = raw_pool(1).await else { return };
    let layer = SqlxEventsLayer::for_pool(&raw).rows(true).with_filter(SqlxEventsLayer::filter());
    let pool: PgPool = raw.into();
    let spans = traced(
        async {
            assert_eq!(helper(&pool).await, 3);
            sqlx::query("SHOW fsync").execute(&pool).await.expect("it is right");
            let mut rows = sqlx::query("TABLE orders").fetch(&pool);
            rows.try_next().await.expect("the rows come");
            drop(rows);
            let mut tx = pool.begin().await.expect("it is idle");
            sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
            tx.commit().await.expect("it is right");
            let held = pool.acquire().await.expect("it is idle");
            let release = async {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                drop(held);
            };
            tokio::join!(release, helper(&pool));
        }
        .with_subscriber(tracing_subscriber::registry().with(layer)),
    )
    .await;
    assert_eq!(
        spans.names(),
        [
            "SELECT orders",
            "SHOW",
            "TABLE orders",
            "BEGIN",
            "DELETE orders",
            "COMMIT",
            "transaction",
            "SELECT orders"
        ]
    );
    let [by_event, _] = spans.all("SELECT orders")[..] else { panic!("the helper was called twice") };
    assert_eq!(by_event.span_kind, SpanKind::Client);
    assert_eq!(by_event.parent_span_id, spans.request);
    assert_eq!(text(by_event, "db.query.text"), "SELECT count(*), ? FROM orders");
    assert_eq!(text(by_event, "db.response.returned_rows"), "1");
    assert_eq!(text(by_event, "order.id"), "ORD-1");
    assert!(by_event.end_time > by_event.start_time);
    let waits = spans.every().iter().filter(|span| span.name == "db.pool.acquire");
    let longest = waits.filter_map(|span| seconds(span, "journey.db.pool_wait")).fold(0.0, f64::max);
    assert!(longest >= 0.04, "{longest}");
}
