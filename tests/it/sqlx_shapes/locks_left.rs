//! Advisory locks whose callers leave halfway.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::bench::{assert_whole, pool};
use super::locks::{is_free, is_free_now, lock};

const SOON: Duration = Duration::from_millis(50);

/// Leaves a query on the connection, with which the server is busy for a while.
async fn make_busy(connection: &mut journey::sqlx::PgConnection) {
    let slow = sqlx::query("SELECT pg_sleep(0.3)").execute(connection);
    assert!(timeout(SOON, slow).await.is_err(), "it is slow");
}

/// Scenario: a connection holds a lock twice, and one guard is dropped; the release is on its way when the caller of the
/// next statement leaves, and another statement follows.
/// Guarantees: the lock is released once: the other guard still holds it.
#[tokio::test]
async fn a_release_that_nobody_waits_for_runs_once() {
    let Some(pool) = pool(1).await else { return };
    let lock = lock("once");
    let mut connection = pool.acquire().await.expect("it is idle");
    let mut outer = lock.acquire(&mut connection).await.expect("it is free");
    drop(lock.acquire(&mut *outer).await.expect("the connection holds it"));
    // The server hardly answers within this one poll.
    drop(sqlx::query("SELECT 1").execute(&mut *outer).now_or_never());
    sqlx::query("SELECT 1").execute(&mut *outer).await.expect("it is right");
    assert!(!is_free_now(&pool, &lock).await, "the outer guard holds it");

    // The same where the release was asked for.
    let inner = lock.acquire(&mut *outer).await.expect("the connection holds it");
    drop(inner.release_now().now_or_never());
    sqlx::query("SELECT 1").execute(&mut *outer).await.expect("it is right");
    assert!(!is_free_now(&pool, &lock).await, "the outer guard holds it");
    outer.release_now().await.expect("it is held");
    assert!(is_free_now(&pool, &lock).await);
}

/// Scenario: a caller leaves while his request for a lock, or for its release, has to wait for the query before it.
/// Guarantees: a lock that was never asked for is not released, which another guard of the connection holds; a release
/// that was never asked for comes with the next statement.
#[tokio::test]
async fn who_leaves_before_the_request_changes_nothing() {
    let Some(pool) = pool(1).await else { return };
    let lock = lock("before");
    let mut connection = pool.acquire().await.expect("it is idle");
    let mut outer = lock.acquire(&mut connection).await.expect("it is free");
    make_busy(&mut outer).await;
    assert!(lock.acquire(&mut *outer).now_or_never().is_none(), "the server is busy");
    sqlx::query("SELECT 1").execute(&mut *outer).await.expect("it is right");
    assert!(!is_free_now(&pool, &lock).await, "the outer guard holds it");

    make_busy(&mut outer).await;
    assert!(outer.release_now().now_or_never().is_none(), "the server is busy");
    sqlx::query("SELECT 1").execute(&mut *connection).await.expect("it is right");
    assert!(is_free_now(&pool, &lock).await);
}

/// Scenario: a caller leaves while the server answers whether it has the lock.
/// Guarantees: nobody holds the lock in the end, and the pool is whole.
#[tokio::test]
async fn who_leaves_a_try_holds_nothing() {
    let Some(pool) = pool(1).await else { return };
    let lock = lock("try");
    let connection = pool.acquire().await.expect("it is idle");
    // Almost always before the answer.
    drop(lock.try_acquire(connection).now_or_never());
    assert!(is_free(&pool, &lock).await);
    assert_whole(&pool).await;
}

/// Scenario: in a transaction that holds a lock, a caller leaves a statement that the server then refuses, and the guard is
/// dropped; then it is committed.
/// Guarantees: whoever commits is told, for nothing is done; the lock is free afterwards.
#[tokio::test]
async fn a_refusal_that_nobody_waited_for_is_told_to_who_commits() {
    let Some(pool) = pool(1).await else { return };
    let lock = lock("refused");
    let mut transaction = pool.begin().await.expect("the server answers");
    let mut guard = lock.acquire(&mut transaction).await.expect("it is free");
    let wrong = sqlx::query("SELECT 1 / (pg_sleep(0.2) IS NULL)::int").execute(&mut *guard);
    assert!(timeout(SOON, wrong).await.is_err(), "it is slow");
    drop(guard);
    let error = transaction.commit().await.expect_err("nothing is committed");
    assert!(
        error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("22012")),
        "{error}"
    );
    assert!(is_free(&pool, &lock).await);
}
