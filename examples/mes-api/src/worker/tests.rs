//! A worker on a real database and a folder of its own.

use std::time::Instant;

use journey::Tasks;
use journey_testkit::models;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::faults::{Fault, Faults, Kind};
use crate::files::Files;
use crate::jobs::Jobs;
use crate::outbox::Outbox;
use crate::test_database::TestDatabase;

const WITHIN: Duration = Duration::from_secs(20);

async fn mes(database: &TestDatabase, folder: &TempDir) -> Mes {
    let db = database.pool.clone();
    Mes {
        outbox: Outbox::new(db.clone()),
        jobs: Jobs::new(db.clone(), Duration::from_secs(60)),
        files: Files::open(folder.path()).await.expect("a folder"),
        faults: Faults::default(),
        db,
    }
}

/// Puts a job for `model` into the table, and has a worker work until `done` holds.
async fn work_until(mes: &Mes, database: &TestDatabase, folder: &TempDir, model: &[u8], done: &'static str) {
    std::fs::write(folder.path().join("a.stl"), model).expect("a file");
    database
        .execute(
            "INSERT INTO jobs (order_id, material, model_url, carrier) VALUES ('ORD-1', 'gold', 'a.stl', '')",
        )
        .await;
    let mut tasks = Tasks::new();
    tasks.spawn(|stop| run(mes.clone(), stop));
    let deadline = Instant::now() + WITHIN;
    while !database.value::<bool>(done).await {
        assert!(Instant::now() < deadline, "{done}");
        sleep(Duration::from_millis(20)).await;
    }
    let asked = Instant::now();
    assert_eq!(tasks.stop(WITHIN).await, 0);
    assert!(asked.elapsed() < Duration::from_secs(2), "nothing holds it up: {:?}", asked.elapsed());
}

/// Scenario: two jobs, one with a model and one with nonsense.
/// Guarantees: the outbox tells the price of the first, and of the second that there will be none and why.
#[tokio::test]
async fn the_outcome_is_told_either_way() {
    let closed = "SELECT bool_and(state IN ('done', 'failed')) FROM jobs";
    let cases =
        [(models::sphere(300), "price.calculated"), (b"solid a\n<html>\nendsolid".to_vec(), "price.failed")];
    for (model, routing_key) in cases {
        let Some(database) = TestDatabase::create().await else { return };
        let folder = tempfile::tempdir().expect("a folder");
        work_until(&mes(&database, &folder).await, &database, &folder, &model, closed).await;
        assert_eq!(database.value::<String>("SELECT routing_key FROM outbox").await, routing_key);
        let body: Value = database.value("SELECT body FROM outbox").await;
        assert_eq!(body["order_id"], "ORD-1");
        if routing_key == "price.failed" {
            assert_eq!(body["reason"], json!("line 2: expected a keyword of a triangle"));
        }
        database.remove().await;
    }
}

/// Scenario: the service is told to stop while a stage has a minute to go.
/// Guarantees: it stops at once, and the job can be had again with what was finished before and no death.
#[tokio::test]
async fn a_stop_interrupts_a_long_stage() {
    let Some(database) = TestDatabase::create().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mes = mes(&database, &folder).await;
    assert!(mes.faults.add(Fault { order: "ORD-1".to_owned(), kind: Kind::Slow, seconds: 60 }));
    let simplifies = "SELECT coalesce(stage = 'price.simplify_model', false) FROM jobs";
    work_until(&mes, &database, &folder, &models::sphere(300), simplifies).await;
    mes.jobs.give_back().await.expect("given back");
    let job = mes.jobs.take().await.expect("the database is there").expect("a job is to be had");
    assert_eq!((job.attempt, job.deaths), (2, 0));
    assert_eq!(database.value::<String>("SELECT stage FROM checkpoints").await, "price.load_model");
    database.remove().await;
}

/// Scenario: a job died as often as allowed.
/// Guarantees: it is not tried again, and CRM is told.
#[tokio::test]
async fn a_deadly_job_is_given_up() {
    let Some(database) = TestDatabase::create().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mes = mes(&database, &folder).await;
    database.execute("ALTER TABLE jobs ALTER deaths SET DEFAULT 5").await;
    let closed = "SELECT state = 'failed' FROM jobs";
    work_until(&mes, &database, &folder, &models::sphere(300), closed).await;
    assert_eq!(database.value::<String>("SELECT routing_key FROM outbox").await, "price.failed");
    database.remove().await;
}
