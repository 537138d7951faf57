//! The table of price calculations: who works on which, and for how long that is believed.
//!
//! A job is held under a lease that its process renews. Each write names the attempt it belongs to, so a process that
//! lost its job, and does not know yet, changes nothing.

use std::sync::Arc;
use std::time::Duration;

use journey::Carrier;
use journey::sqlx::{PgConnection, PgPool};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::calculation::JobError;
use crate::errors::MesError;
use crate::{Mes, inbox};

/// How soon a job is taken at the latest if nobody said that it is there, or after its lease ran out.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Renewals per lease: two may fail.
const RENEWALS: u32 = 3;

/// The table; a handle to it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Jobs {
    db: PgPool,
    /// This process, as a holder of jobs.
    process: Uuid,
    lease: Duration,
    arrived: Arc<Notify>,
}

/// One attempt at a price calculation.
pub(crate) struct Job {
    pub(crate) order_id: String,
    pub(crate) material: String,
    pub(crate) model_url: String,
    pub(crate) carrier: String,
    /// Number of the attempt, from 1. Each write names it.
    pub(crate) attempt: i32,
    /// Attempts since the last finished stage whose lease ran out: their process died, or they broke off.
    pub(crate) deaths: i32,
}

impl Jobs {
    pub(crate) fn new(db: PgPool, lease: Duration) -> Self {
        Self { db, process: Uuid::new_v4(), lease, arrived: Arc::default() }
    }

    /// Takes the oldest job that waits or whose lease ran out; waits a while if there is none.
    pub(crate) async fn take(&self) -> sqlx::Result<Option<Job>> {
        // The raw pool: looking for work belongs to no order and would only fill the traces.
        let db: &sqlx::PgPool = &self.db;
        let job = sqlx::query_as!(
            Job,
            "UPDATE jobs
             SET state = 'running', attempt = attempt + 1, held_by = $1,
                 deaths = deaths + CASE state WHEN 'running' THEN 1 ELSE 0 END,
                 lease_until = now() + make_interval(secs => $2), stage = NULL, stage_began_at = NULL
             WHERE order_id = (
                 SELECT order_id FROM jobs
                 WHERE state = 'waiting' OR (state = 'running' AND lease_until < now())
                 ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING order_id, material, model_url, carrier, attempt, deaths",
            self.process,
            self.lease.as_secs_f64(),
        )
        .fetch_optional(db)
        .await?;
        if job.is_none() {
            let _ = timeout(LOOK_EVERY, self.arrived.notified()).await;
        }
        Ok(job)
    }

    /// Renews the lease of a job; returns when another attempt has it. A job that is done stays ours: its attempt may not
    /// know yet.
    pub(crate) async fn hold(&self, job: &Job) {
        let db: &sqlx::PgPool = &self.db;
        loop {
            sleep(self.lease / RENEWALS).await;
            let renewal = sqlx::query!(
                "UPDATE jobs
                 SET lease_until = CASE state WHEN 'running' THEN now() + make_interval(secs => $3) END
                 WHERE order_id = $1 AND attempt = $2",
                job.order_id,
                job.attempt,
                self.lease.as_secs_f64(),
            );
            match renewal.execute(db).await {
                Ok(renewed) if renewed.rows_affected() == 0 => return,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, order_id = job.order_id, "the lease was not renewed"),
            }
        }
    }

    /// Says that a stage begins.
    pub(crate) async fn begin_stage(&self, job: &Job, stage: &str) -> Result<(), JobError> {
        let begun = sqlx::query!(
            "UPDATE jobs SET stage = $3, stage_began_at = now()
             WHERE order_id = $1 AND attempt = $2 AND state = 'running'",
            job.order_id,
            job.attempt,
            stage,
        )
        .execute(&self.db)
        .await?;
        still_ours(begun.rows_affected())
    }

    /// Keeps what a stage found, and that it is finished.
    pub(crate) async fn checkpoint(&self, job: &Job, stage: &str, result: &[u8]) -> Result<(), JobError> {
        let kept = sqlx::query!(
            "WITH held AS (
                 UPDATE jobs SET stage = NULL, stage_began_at = NULL, deaths = 0
                 WHERE order_id = $1 AND attempt = $2 AND state = 'running' RETURNING order_id)
             INSERT INTO checkpoints (order_id, stage, result) SELECT order_id, $3, $4 FROM held",
            job.order_id,
            job.attempt,
            stage,
            result,
        )
        .execute(&self.db)
        .await?;
        still_ours(kept.rows_affected())
    }

    /// Closes a job in the caller's transaction. Its checkpoints are of no more use.
    pub(crate) async fn finish(tx: &mut PgConnection, job: &Job) -> Result<(), JobError> {
        sqlx::query!("DELETE FROM checkpoints WHERE order_id = $1", job.order_id).execute(&mut *tx).await?;
        let finished = sqlx::query!(
            "UPDATE jobs
             SET state = 'done', finished_at = now(), stage = NULL, stage_began_at = NULL,
                 held_by = NULL, lease_until = NULL
             WHERE order_id = $1 AND attempt = $2 AND state = 'running'",
            job.order_id,
            job.attempt,
        )
        .execute(&mut *tx)
        .await?;
        still_ours(finished.rows_affected())
    }

    /// Closes a job that will never have a price, in the caller's transaction.
    pub(crate) async fn fail(tx: &mut PgConnection, job: &Job, reason: &str) -> Result<(), JobError> {
        let failed = sqlx::query!(
            "UPDATE jobs
             SET state = 'failed', failure = $3, finished_at = now(), held_by = NULL, lease_until = NULL
             WHERE order_id = $1 AND attempt = $2 AND state = 'running'",
            job.order_id,
            job.attempt,
            reason,
        )
        .execute(&mut *tx)
        .await?;
        still_ours(failed.rows_affected())
    }

    /// Gives all jobs of this process back at its end, so that the next process need not wait for the leases.
    pub(crate) async fn give_back(&self) -> sqlx::Result<()> {
        let db: &sqlx::PgPool = &self.db;
        sqlx::query!(
            "UPDATE jobs
             SET state = 'waiting', held_by = NULL, lease_until = NULL, stage = NULL, stage_began_at = NULL
             WHERE held_by = $1 AND state = 'running'",
            self.process,
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// CRM asks for a price.
#[derive(Deserialize)]
pub(crate) struct PriceRequested {
    order_id: String,
    /// Of a partner's order.
    production_id: Option<String>,
    material: String,
    model_url: String,
}

/// Message `price.requested`: notes the job; the message is done with it. A second request for the same order finds
/// the job there already.
pub(crate) async fn accept(mes: &Mes, message_id: Uuid, request: PriceRequested) -> Result<(), MesError> {
    let PriceRequested { order_id, production_id, material, model_url } = request;
    journey::set_order_id(&order_id);
    let mut tx = mes.db.begin().await?;
    if !inbox::is_new(&mut tx, message_id).await? {
        return Ok(tx.rollback().await?);
    }
    if let Some(production_id) = production_id {
        journey::set_production_id(&production_id);
        sqlx::query!(
            "UPDATE price_requests SET order_id = $2 WHERE production_id = $1",
            production_id,
            order_id
        )
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query!(
        "INSERT INTO jobs (order_id, material, model_url, carrier) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        order_id,
        material,
        model_url,
        Carrier::current().to_string(),
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    mes.jobs.arrived.notify_one();
    Ok(())
}

fn still_ours(rows: u64) -> Result<(), JobError> {
    if rows == 1 { Ok(()) } else { Err(JobError::Lost) }
}

#[cfg(test)]
mod tests;
