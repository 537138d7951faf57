//! Advisory locks.

use std::time::Duration;

use futures_util::TryStreamExt;
use journey::sqlx::{PgAdvisoryLock, PgPool};
use sqlx::{ConnectOptions, Either};
use tokio::time::timeout;

use super::bench::{Spans, assert_error, outcome, pool, text, traced};

const SOON: Duration = Duration::from_millis(50);

/// A lock of this test's own.
pub(super) fn lock(name: &str) -> PgAdvisoryLock {
    PgAdvisoryLock::new(format!("journey {name} {}", std::process::id()))
}

/// Whether another connection of its own can have the lock now. It gives it back.
pub(super) async fn is_free_now(pool: &PgPool, lock: &PgAdvisoryLock) -> bool {
    // By sqlx's types: it is no part of the journey. And not by the pool, whose connections may hold the lock themselves.
    let other = pool.connect_options().connect().await.expect("the server is there");
    let lock = sqlx::postgres::PgAdvisoryLock::with_key(lock.key().clone());
    match lock.try_acquire(other).await.expect("it is right") {
        Either::Left(guard) => guard.release_now().await.is_ok(),
        Either::Right(_) => false,
    }
}

/// Whether nobody holds the lock, or who does gives it back soon.
pub(super) async fn is_free(pool: &PgPool, lock: &PgAdvisoryLock) -> bool {
    for _ in 0..20 {
        if is_free_now(pool, lock).await {
            return true;
        }
        tokio::time::sleep(SOON).await;
    }
    false
}

fn texts(spans: &Spans) -> Vec<String> {
    let calls = spans.every().iter().filter(|span| !text(span, "db.system.name").is_empty());
    calls.map(|span| text(span, "db.query.text")).collect()
}

/// Scenario: a lock is taken on a connection of the pool, used, tried for by another, and given back; by a key of one
/// number and of two.
/// Guarantees: each call has a span, also that on the connection that holds the lock.
#[tokio::test]
async fn locks_have_spans() {
    let Some(pool) = pool(2).await else { return };
    let pair = i32::try_from(std::process::id()).expect("it is small");
    let pair = PgAdvisoryLock::with_key(sqlx::postgres::PgAdvisoryLockKey::IntPair(7, pair));
    for (lock, arguments) in [(lock("spans"), "$1"), (pair, "$1, $2")] {
        let spans = traced(async {
            let connection = pool.acquire().await.expect("it is idle");
            let mut guard = lock.acquire(connection).await.expect("it is free");
            sqlx::query("SELECT id FROM orders").fetch_all(&mut *guard).await.expect("it is right");
            let other = pool.acquire().await.expect("it is idle");
            assert!(matches!(lock.try_acquire(other).await, Ok(Either::Right(_))), "somebody holds it");
            guard.release_now().await.expect("it is held");
        })
        .await;
        assert_eq!(
            texts(&spans),
            [
                format!("SELECT pg_advisory_lock({arguments})"),
                "SELECT id FROM orders".to_owned(),
                format!("SELECT pg_try_advisory_lock({arguments})"),
                format!("SELECT pg_advisory_unlock({arguments})"),
            ]
        );
        assert!(is_free(&pool, &lock).await);
    }
}

/// Scenario: somebody waits for a lock, until it is given back or until he leaves.
/// Guarantees: the span is as long as the wait; who has left does not hold the lock in the end.
#[tokio::test]
async fn the_wait_for_a_lock_is_told() {
    let Some(pool) = pool(3).await else { return };
    let lock = lock("wait");
    let spans = traced(async {
        let holder = lock.acquire(pool.acquire().await.expect("it is idle")).await.expect("it is free");
        let waiter = pool.acquire().await.expect("it is idle");
        assert!(timeout(SOON, lock.acquire(waiter)).await.is_err(), "somebody holds it");
        let release = async {
            tokio::time::sleep(4 * SOON).await;
            holder.release_now().await.expect("it is held")
        };
        let waiter = async {
            let connection = pool.acquire().await.expect("it is idle");
            lock.acquire(connection).await.expect("it is given back")
        };
        let (_, guard) = tokio::join!(release, waiter);
        drop(guard);
        assert!(is_free(&pool, &lock).await);
    })
    .await;
    let waits: Vec<_> =
        spans.every().iter().filter(|span| text(span, "db.query.text").contains("advisory_lock($")).collect();
    let [_, left, got] = waits[..3] else { panic!("there are three at least") };
    assert_eq!(outcome(left), "cancelled");
    assert_error(left, "cancelled");
    assert_error(got, "");
    let length = got.end_time.duration_since(got.start_time).expect("it ends after its start");
    assert!(length >= 3 * SOON, "{length:?}");
}

/// Scenario: somebody leaves the queue of a lock; the server goes on waiting for it, and keeps the connection until it has
/// got the lock and given it back.
/// Guarantees: who waits for a connection meanwhile is told why, with a link to the call that was left.
#[tokio::test]
async fn a_left_wait_for_a_lock_is_told_as_the_cause() {
    let Some(pool) = pool(2).await else { return };
    let lock = lock("cause");
    let spans = traced(async {
        let holder = lock.acquire(pool.acquire().await.expect("it is idle")).await.expect("it is free");
        let waiter = pool.acquire().await.expect("it is idle");
        assert!(timeout(SOON, lock.acquire(waiter)).await.is_err(), "somebody holds it");
        let query = sqlx::query("VALUES (1)").execute(&pool);
        let release = async {
            tokio::time::sleep(4 * SOON).await;
            drop(holder.release_now().await.expect("it is held"));
        };
        let (result, ()) = tokio::join!(query, release);
        result.expect("it comes back");
        assert!(is_free(&pool, &lock).await);
    })
    .await;
    let left = spans.every().iter().find(|span| outcome(span) == "cancelled").expect("one was left");
    let waited = spans.named("VALUES");
    assert_eq!(text(waited, "journey.db.wait_reason"), "draining_cancelled");
    let links: Vec<_> = waited.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(links, [left.span_context.span_id()]);
}

/// Scenario: guards are dropped on a connection of their own, on a borrowed one, and in a transaction that is void, two
/// of one lock among them.
/// Guarantees: the locks are free with the next statement, or when the connection is back in its pool; none is released
/// too often.
#[tokio::test]
async fn dropped_guards_release() {
    let Some(pool) = pool(2).await else { return };
    let (one, two) = (lock("one"), lock("two"));
    drop(one.acquire(pool.acquire().await.expect("it is idle")).await.expect("it is free"));
    assert!(is_free(&pool, &one).await);

    let mut connection = pool.acquire().await.expect("it is idle");
    drop(two.acquire(&mut connection).await.expect("it is free"));
    let outer = one.acquire(&mut connection).await.expect("it is free");
    let mut outer = outer;
    drop(one.acquire(&mut *outer).await.expect("the connection holds it"));
    sqlx::query("SELECT 1").execute(&mut *outer).await.expect("it is right");
    assert!(is_free(&pool, &two).await);
    let other = pool.acquire().await.expect("it is idle");
    assert!(matches!(one.try_acquire(other).await, Ok(Either::Right(_))), "the outer guard holds it");
    outer.release_now().await.expect("it is held");
    drop(connection);
    assert!(is_free(&pool, &one).await);

    let mut tx = pool.begin().await.expect("it is idle");
    let mut guard = one.acquire(&mut tx).await.expect("it is free");
    assert!(sqlx::query("SELECT 1/0").execute(&mut *guard).await.is_err());
    drop(guard);
    assert!(sqlx::query("SELECT 1").execute(&mut *tx).await.is_err(), "the transaction is void");
    drop(tx);
    assert!(is_free(&pool, &one).await);
}

/// Scenario: guards are dropped in transactions that are committed, rolled back, or void, and before one begins or rows
/// are copied; the connection stays out.
/// Guarantees: the lock is free as soon as that is done, without a query.
#[tokio::test]
async fn commands_release_too() {
    let Some(pool) = pool(1).await else { return };
    let lock = lock("commands");
    let mut connection = pool.acquire().await.expect("it is idle");
    for case in ["committed", "committed void", "rolled back", "rolled back void"] {
        let mut tx = connection.begin().await.expect("it is right");
        let mut guard = lock.acquire(&mut tx).await.expect("it is free");
        if case.ends_with("void") {
            assert!(sqlx::query("SELECT 1/0").execute(&mut *guard).await.is_err());
        }
        drop(guard);
        if case.starts_with("committed") { tx.commit().await } else { tx.rollback().await }.expect("it may");
        assert!(is_free_now(&pool, &lock).await, "{case}");
    }
    drop(lock.acquire(&mut connection).await.expect("it is free"));
    let mut tx = connection.begin().await.expect("it is right");
    assert!(is_free_now(&pool, &lock).await, "a transaction began");
    drop(lock.acquire(&mut tx).await.expect("it is free"));
    let savepoint = tx.begin().await.expect("it is right");
    assert!(is_free_now(&pool, &lock).await, "a savepoint began");
    savepoint.commit().await.expect("it is right");
    tx.commit().await.expect("it is right");

    drop(lock.acquire(&mut connection).await.expect("it is free"));
    let copy = connection.copy_in_raw("COPY orders (id) FROM STDIN").await.expect("it is right");
    assert!(is_free_now(&pool, &lock).await, "rows are copied in");
    copy.abort("enough").await.expect("it may");
    drop(lock.acquire(&mut connection).await.expect("it is free"));
    let rows = connection.copy_out_raw("COPY orders (id) TO STDOUT").await.expect("it is right");
    assert!(is_free_now(&pool, &lock).await, "rows are copied out");
    rows.try_collect::<Vec<_>>().await.expect("they come");
}

/// Scenario: a wait for a lock is longer than the server was told to allow, on a connection that goes on.
/// Guarantees: the SQLSTATE is told, and the connection does not hold the lock afterwards.
#[tokio::test]
async fn a_wait_for_a_lock_may_time_out() {
    let Some(pool) = pool(2).await else { return };
    let lock = lock("timeout");
    let spans = traced(async {
        let holder = lock.acquire(pool.acquire().await.expect("it is idle")).await.expect("it is free");
        let mut connection = pool.acquire().await.expect("it is idle");
        sqlx::query("SET lock_timeout = '30ms'").execute(&mut *connection).await.expect("it is right");
        let refused = lock.acquire(&mut connection).await.expect_err("somebody holds it");
        let code = refused.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        assert_eq!(code.as_deref(), Some("55P03"));
        holder.release_now().await.expect("it is held");
        sqlx::query("RESET lock_timeout").execute(&mut *connection).await.expect("it is right");
        assert!(is_free_now(&pool, &lock).await);
    })
    .await;
    let refused = spans.every().iter().find(|span| text(span, "error.type") == "55P03").expect("it is told");
    assert_error(refused, "55P03");
    assert_eq!(text(refused, "journey.db.retryable"), "");
    assert_eq!(outcome(refused), "");
}

/// Scenario: sqlx's own type on our connections.
/// Guarantees: it compiles and works, without spans for the lock.
#[tokio::test]
async fn sqlx_own_locks_work() {
    let Some(pool) = pool(1).await else { return };
    let lock = sqlx::postgres::PgAdvisoryLock::with_key(lock("own").key().clone());
    let spans = traced(async {
        let guard = lock.acquire(pool.acquire().await.expect("it is idle")).await.expect("it is free");
        guard.release_now().await.expect("it is held");
        let mut tx = pool.begin().await.expect("it is idle");
        lock.acquire(&mut tx).await.expect("it is free").release_now().await.expect("it is held");
        tx.commit().await.expect("it is right");
    })
    .await;
    assert_eq!(spans.names(), ["BEGIN", "COMMIT", "transaction"]);
}
