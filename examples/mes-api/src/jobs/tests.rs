//! The table of jobs on a real database.

use super::*;
use crate::test_database::TestDatabase;

const LEASE: Duration = Duration::from_secs(60);

async fn take(jobs: &Jobs) -> Job {
    jobs.take().await.expect("the database is there").expect("a job is to be had")
}

/// Scenario: a process takes a job and dies; another takes it after the lease, while the first was only slow.
/// Guarantees: nobody has it before; the second counts the death; the first can write nothing more, the second can, and a
/// finished stage makes the deaths forgotten.
#[tokio::test]
async fn a_dead_process_loses_its_job() {
    let Some(database) = TestDatabase::create().await else { return };
    let [slow, other] = [Jobs::new(database.pool.clone(), LEASE), Jobs::new(database.pool.clone(), LEASE)];
    database
        .execute(
            "INSERT INTO jobs (order_id, material, model_url, carrier) VALUES ('ORD-1', 'gold', 'a', '')",
        )
        .await;
    let lost = take(&slow).await;
    assert_eq!((lost.attempt, lost.deaths), (1, 0));
    assert!(other.take().await.expect("the database is there").is_none());

    database.execute("UPDATE jobs SET lease_until = now() - interval '1 s'").await;
    let taken = take(&other).await;
    assert_eq!((taken.attempt, taken.deaths), (2, 1));
    assert!(matches!(slow.begin_stage(&lost, "price.load_model").await, Err(JobError::Lost)));
    assert!(matches!(slow.checkpoint(&lost, "price.load_model", b"").await, Err(JobError::Lost)));
    let mut tx = database.pool.begin().await.expect("a transaction");
    assert!(matches!(Jobs::finish(&mut tx, &lost).await, Err(JobError::Lost)));
    tx.rollback().await.expect("rolled back");

    other.begin_stage(&taken, "price.load_model").await.expect("it is ours");
    other.checkpoint(&taken, "price.load_model", b"").await.expect("it is ours");
    assert_eq!(database.value::<i32>("SELECT deaths FROM jobs").await, 0);
    database.remove().await;
}

/// Scenario: a job is given back at the end of its process, ten times, while another process holds a second job.
/// Guarantees: it can be had again at once, with a new number and without a death; the other's job is left alone.
#[tokio::test]
async fn a_job_given_back_has_not_died() {
    let Some(database) = TestDatabase::create().await else { return };
    let [jobs, other] = [Jobs::new(database.pool.clone(), LEASE), Jobs::new(database.pool.clone(), LEASE)];
    database
        .execute(
            "INSERT INTO jobs (order_id, material, model_url, carrier) VALUES ('ORD-1', 'gold', 'a', '')",
        )
        .await;
    take(&other).await;
    database
        .execute(
            "INSERT INTO jobs (order_id, material, model_url, carrier) VALUES ('ORD-2', 'gold', 'a', '')",
        )
        .await;
    for attempt in 1..=10 {
        let job = take(&jobs).await;
        assert_eq!((job.order_id.as_str(), job.attempt, job.deaths), ("ORD-2", attempt, 0));
        jobs.give_back().await.expect("given back");
    }
    let held = database
        .value::<i64>("SELECT count(*) FROM jobs WHERE order_id = 'ORD-1' AND state = 'running'")
        .await;
    assert_eq!(held, 1);
    database.remove().await;
}
