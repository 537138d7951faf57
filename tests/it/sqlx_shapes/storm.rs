//! Callers who leave anywhere.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use futures_util::future::{Either, join_all, select};
use futures_util::{FutureExt as _, TryStreamExt};
use journey::sqlx::{PgAdvisoryLock, PgPool};

use super::bench::{assert_whole, outcome, pool, text, traced};
use super::locks::{is_free, lock};

/// Numbers that look random and are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Somebody works alone.
struct Alone<'a>(&'a AtomicBool);

impl<'a> Alone<'a> {
    fn begin(is_taken: &'a AtomicBool) -> Self {
        assert!(!is_taken.swap(true, Relaxed), "two hold the lock");
        Self(is_taken)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

async fn turns(count: u64) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

async fn ask(executor: impl sqlx::PgExecutor<'_>, number: i64) {
    let answer: i64 =
        sqlx::query_scalar("SELECT $1").bind(number).fetch_one(executor).await.expect("it is right");
    assert_eq!(answer, number, "that is the answer of another");
}

/// One piece of work, which changes nothing for good.
async fn work(pool: &PgPool, lock: &PgAdvisoryLock, is_taken: &AtomicBool, kind: u64, number: i64) {
    match kind {
        0 => ask(pool, number).await,
        1 => {
            let mut tx = pool.begin().await.expect("the pool is patient");
            sqlx::query("DELETE FROM orders").execute(&mut *tx).await.expect("it is right");
            let mut savepoint = tx.begin().await.expect("it is right");
            ask(&mut *savepoint, number).await;
            savepoint.commit().await.expect("it is right");
            tx.rollback().await.expect("it is right");
        }
        2 => {
            let mut rows = sqlx::query("SELECT generate_series(1, 300)").fetch(pool);
            while rows.try_next().await.expect("it is right").is_some() {
                turns(1).await;
            }
        }
        3 => {
            let mut copy = pool.copy_in_raw("COPY orders (id) FROM STDIN").await.expect("it is right");
            for _ in 0..3 {
                copy.send(&b"1000\n"[..]).await.expect("the server takes it");
            }
            copy.abort("enough").await.expect("it may");
        }
        4 => {
            let mut connection = pool.acquire().await.expect("the pool is patient");
            let sql = "COPY (SELECT generate_series(1, 300)) TO STDOUT";
            let rows = connection.copy_out_raw(sql).await.expect("it is right");
            assert_eq!(rows.try_collect::<Vec<_>>().await.expect("they come").len(), 300);
            ask(&mut *connection, number).await;
        }
        5 => {
            let connection = pool.acquire().await.expect("the pool is patient");
            let mut guard = lock.acquire(connection).await.expect("it is given back");
            let alone = Alone::begin(is_taken);
            ask(&mut *guard, number).await;
            drop(lock.acquire(&mut *guard).await.expect("the connection holds it"));
            // The release is on its way, and nobody reads the answer.
            drop(sqlx::query("SELECT 1").execute(&mut *guard).now_or_never());
            ask(&mut *guard, number).await;
            turns(200).await;
            ask(&mut *guard, number).await;
            drop(alone);
            let mut connection = guard.release_now().await.expect("it is held");
            ask(&mut *connection, number).await;
        }
        _ => {
            let connection = pool.acquire().await.expect("the pool is patient");
            if let sqlx::Either::Left(mut guard) = lock.try_acquire(connection).await.expect("it is right") {
                let _alone = Alone::begin(is_taken);
                ask(&mut *guard, number).await;
            }
        }
    }
}

/// Scenario: ten callers at a pool of three do all kinds of work, and leave after a number of turns that looks random; by
/// several seeds.
/// Guarantees: nobody gets the answer of another, a lock is held by one at a time, nothing is kept of what was not
/// committed; in the end the pool is whole, the lock is free, and each call has one span that says whether it was left.
#[tokio::test]
async fn who_leaves_anywhere_harms_nobody() {
    let Some(pool) = pool(3).await else { return };
    let lock = lock("storm");
    for seed in 1..=4 {
        println!("seed {seed}");
        let (is_taken, left) = (AtomicBool::new(false), AtomicUsize::new(0));
        let spans = traced(async {
            let callers = (0..10).map(async |caller: u64| {
                let mut numbers = Numbers(seed << 32 | caller);
                for number in 0..25 {
                    let kind = numbers.below(7);
                    // From the first poll to the end of the work.
                    let patience = match numbers.below(4) {
                        0 => numbers.below(20),
                        1 => numbers.below(200),
                        2 => numbers.below(2000),
                        _ => u64::MAX,
                    };
                    let work = work(&pool, &lock, &is_taken, kind, number).boxed();
                    if let Either::Right(_) = select(work, turns(patience).boxed()).await {
                        left.fetch_add(1, Relaxed);
                    }
                }
            });
            join_all(callers).await;
        })
        .await;
        assert!(is_free(&pool, &lock).await, "seed {seed}");
        assert_whole(&pool).await;
        let mut all = vec![];
        for _ in 0..3 {
            let mut connection = pool.acquire().await.expect("it is whole");
            let count =
                sqlx::query_scalar::<_, i64>("SELECT count(*) FROM orders").fetch_one(&mut *connection);
            assert_eq!(count.await.expect("it is in step"), 3, "seed {seed}");
            all.push(connection);
        }
        let left = left.load(Relaxed);
        assert!((20..240).contains(&left), "seed {seed}: {left} of 250 left");
        for span in spans.every() {
            let (error, outcome) = (text(span, "error.type"), outcome(span));
            assert!(matches!(&*error, "" | "cancelled"), "seed {seed}: {} failed with {error}", span.name);
            assert_eq!(error == "cancelled", outcome.contains("cancelled"), "seed {seed}: {}", span.name);
        }
    }
}
