//! What the span of a transaction says.

use std::time::Duration;

use opentelemetry::trace::SpanKind;
use tokio::time::timeout;

use super::bench::{assert_error, outcome, pool, text, traced};

/// Scenario: a transaction is committed, rolled back, or dropped open.
/// Guarantees: its span says so; it is INTERNAL, no database call, and the parent of its statements.
#[tokio::test]
async fn transactions_say_how_they_ended() {
    let Some(pool) = pool(1).await else { return };
    for (ending, last) in
        [("committed", "COMMIT"), ("rolled_back", "ROLLBACK"), ("dropped_rollback", "DELETE orders")]
    {
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("the pool is idle");
            sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
            match ending {
                "committed" => tx.commit().await.expect("it is right"),
                "rolled_back" => tx.rollback().await.expect("it is right"),
                _ => drop(tx),
            }
        })
        .await;
        let span = spans.named("transaction");
        assert_eq!(outcome(span), ending);
        assert_error(span, "");
        assert_eq!(span.span_kind, SpanKind::Internal);
        assert_eq!(span.parent_span_id, spans.request);
        assert_eq!(text(span, "db.system.name"), "");
        assert_eq!(text(span, "order.id"), "ORD-1");
        for name in ["BEGIN", "DELETE orders", last] {
            let call = spans.named(name);
            assert_eq!(call.parent_span_id, spans.id("transaction"), "{name} of {ending}");
            assert_eq!(call.span_kind, SpanKind::Client);
            assert_eq!(text(call, "db.query.summary"), name);
        }
        assert_eq!(spans.names().last(), Some(&"transaction"));
    }
}

/// Scenario: in a savepoint a statement fails, so that another one inside of it does not begin; the first one is dropped,
/// rolled back or committed, and the transaction around both is committed.
/// Guarantees: the savepoint is undone, the transaction is not, and their spans say so.
#[tokio::test]
async fn a_savepoint_that_does_not_begin_ends_only_the_one_around_it() {
    let Some(pool) = pool(1).await else { return };
    // The connection is closed, so this outlives it, as the tables of these tests do not.
    let create = "DROP TABLE IF EXISTS public.kept; CREATE TABLE public.kept (state text)";
    sqlx::raw_sql(create).execute(&pool).await.expect("it is right");
    for end in ["drop", "rollback", "commit"] {
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("the pool is idle");
            let kept = sqlx::query("INSERT INTO public.kept VALUES ($1)").bind(end);
            kept.execute(&mut *tx).await.expect("it is right");
            let mut savepoint = tx.begin().await.expect("it is right");
            assert!(sqlx::query("INSERT INTO orders VALUES (1)").execute(&mut *savepoint).await.is_err());
            assert!(savepoint.begin().await.is_err(), "the server refuses it");
            match end {
                "drop" => drop(savepoint),
                "rollback" => savepoint.rollback().await.expect("it is over"),
                _ => savepoint.commit().await.expect("it is over"),
            }
            tx.commit().await.expect("it is right");
        })
        .await;
        let kept = sqlx::query_scalar("SELECT count(*) FROM public.kept WHERE state = $1").bind(end);
        let kept: i64 = kept.fetch_one(&pool).await.expect("it is right");
        assert_eq!(kept, 1, "{end}: the transaction is committed");
        let outcomes: Vec<String> = spans.all("transaction").into_iter().map(outcome).collect();
        assert_eq!(outcomes.last().map(String::as_str), Some("committed"), "{end}: {outcomes:?}");
        assert!(outcomes.iter().any(|outcome| outcome == "rolled_back" || outcome == "dropped_rollback"));
    }
}

/// Scenario: a savepoint inside of a transaction, rolled back after an error of its own; the transaction is
/// committed.
/// Guarantees: each has a span with its own ending, the inner one inside of the outer.
#[tokio::test]
async fn savepoints_are_children() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("the pool is idle");
        let mut savepoint = tx.begin().await.expect("it is right");
        assert!(sqlx::query("INSERT INTO orders VALUES (1)").execute(&mut *savepoint).await.is_err());
        savepoint.rollback().await.expect("it is right");
        sqlx::query("UPDATE orders SET state = 'kept'").execute(&mut *tx).await.expect("it is right");
        tx.commit().await.expect("it is right");
    })
    .await;
    assert_eq!(
        spans.names(),
        [
            "BEGIN",
            "SAVEPOINT",
            "INSERT orders",
            "ROLLBACK",
            "transaction",
            "UPDATE orders",
            "COMMIT",
            "transaction"
        ]
    );
    let [inner, outer] = spans.all("transaction")[..] else { panic!("there are two transactions") };
    assert_eq!((outcome(inner), outcome(outer)), ("rolled_back".to_owned(), "committed".to_owned()));
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    for name in ["SAVEPOINT", "INSERT orders", "ROLLBACK"] {
        assert_eq!(spans.named(name).parent_span_id, inner.span_context.span_id(), "{name}");
    }
    for name in ["BEGIN", "UPDATE orders", "COMMIT"] {
        assert_eq!(spans.named(name).parent_span_id, outer.span_context.span_id(), "{name}");
    }
}

/// Scenario: a statement fails, the caller goes on and commits: PostgreSQL rolls back, and sqlx answers that
/// all is well.
/// Guarantees: the span tells the truth.
#[tokio::test]
async fn a_void_transaction_is_not_committed() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("the pool is idle");
        sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
        assert!(sqlx::query("SELECT 1/0").execute(&mut *tx).await.is_err());
        tx.commit().await.expect("sqlx says so");
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.expect("it is right");
        assert_eq!(left, 3, "nothing was deleted");
    })
    .await;
    assert_eq!(outcome(spans.named("transaction")), "rolled_back");
}

/// Scenario: a deferred constraint fails at the `COMMIT`.
/// Guarantees: the call and the transaction have the error, and the transaction was rolled back.
#[tokio::test]
async fn a_refused_commit_rolls_back() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut tx = pool.begin_with("BEGIN READ WRITE").await.expect("the pool is idle");
        let sql = "ALTER TABLE orders ADD UNIQUE (state) DEFERRABLE INITIALLY DEFERRED";
        assert!(sqlx::query(sql).execute(&mut *tx).await.is_err(), "three orders are new");
        tx.rollback().await.expect("it is right");
        sqlx::raw_sql(
            "CREATE TEMP TABLE parents (id int PRIMARY KEY);
             CREATE TEMP TABLE children (id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
        )
        .execute(&pool)
        .await
        .expect("it is right");
    })
    .await;
    assert_eq!(outcome(spans.named("transaction")), "rolled_back");

    let spans = traced(async {
        let mut tx = pool.begin().await.expect("the pool is idle");
        sqlx::query("INSERT INTO children VALUES (1)").execute(&mut *tx).await.expect("it is checked later");
        assert!(tx.commit().await.is_err());
    })
    .await;
    assert_error(spans.named("COMMIT"), "23503");
    assert_error(spans.named("transaction"), "23503");
    assert_eq!(outcome(spans.named("transaction")), "rolled_back");
}

/// Scenario: the caller of `begin` goes away, while it waits for the pool and while the server is at its
/// `BEGIN`.
/// Guarantees: the spans say so, and the next borrower does not work inside a transaction that nobody ends
/// (transact-rs/sqlx#4393).
#[tokio::test]
async fn a_cancelled_begin_leaves_no_transaction() {
    const SOON: Duration = Duration::from_millis(50);
    let Some(pool) = pool(1).await else { return };
    for is_waiting in [true, false] {
        let spans = traced(async {
            let held = if is_waiting { pool.try_acquire() } else { None };
            assert!(timeout(SOON, pool.begin_with("BEGIN; SELECT pg_sleep(0.2)")).await.is_err());
            drop(held);
        })
        .await;
        assert_eq!(spans.names(), ["BEGIN SELECT", "transaction"]);
        assert_eq!(outcome(spans.named("BEGIN SELECT")), "cancelled");
        assert_eq!(outcome(spans.named("transaction")), "begin_cancelled");
        assert_error(spans.named("transaction"), "cancelled");

        let mut next = pool.acquire().await.expect("there is a connection");
        let savepoint = sqlx::query("SAVEPOINT needs_a_transaction").execute(&mut *next).await;
        assert!(savepoint.is_err(), "a transaction is open");
    }
}
