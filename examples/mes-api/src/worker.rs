//! Workers: each takes one job after the other, for the life of the process.

use std::time::Duration;

use journey::opentelemetry::Context;
use journey::opentelemetry::context::FutureExt;
use journey::opentelemetry::trace::SpanKind;
use journey::{Attach, Carrier, SpanGuard};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::Mes;
use crate::calculation::{self, JobError};
use crate::jobs::Job;

/// Attempts at one job: a model that kills the process is not tried for ever.
const ATTEMPTS_MAX: i32 = 5;

/// Pause after the database did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The workers of this process.
pub(crate) struct Workers(Vec<JoinHandle<()>>);

impl Workers {
    /// Starts so many workers.
    pub(crate) fn start(mes: &Mes, count: usize) -> Self {
        Self((0..count).map(|_| journey::spawn(work(mes.clone()))).collect())
    }

    /// Drops what the workers are at: their stages end as cancelled, a later attempt goes on.
    pub(crate) async fn stop(self) {
        for worker in self.0 {
            worker.abort();
            // It was told to end; how it ended is no news.
            let _ = worker.await;
        }
    }
}

async fn work(mes: Mes) {
    loop {
        match mes.jobs.take().await {
            Ok(Some(job)) => {
                // A trace of its own, linked to the request's: that one ended minutes ago if many jobs wait.
                let asked = job.carrier.parse::<Carrier>();
                let parent = asked.map_or_else(|_| Context::new(), |carrier| carrier.attach(Attach::Link));
                let span = SpanGuard::start("calculate price", SpanKind::Internal, vec![], vec![], &parent);
                attempt(&mes, &job).with_context(span.context().clone()).await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "no job can be taken");
                sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Makes one attempt. If it fails for now, its lease runs out, and the next attempt begins then.
async fn attempt(mes: &Mes, job: &Job) {
    let result = tokio::select! {
        result = calculate(mes, job) => result,
        () = mes.jobs.hold(job) => Err(JobError::Lost),
    };
    let Err(error) = result else { return };
    let Job { order_id, attempt, .. } = job;
    if !error.is_final() {
        tracing::warn!(order_id, attempt, %error, "a calculation broke off");
        return;
    }
    tracing::error!(order_id, attempt, %error, "a calculation failed");
    if let Err(error) = mes.jobs.fail(job, &error.to_string()).await {
        tracing::warn!(order_id, %error, "the failure was not noted");
    }
}

async fn calculate(mes: &Mes, job: &Job) -> Result<(), JobError> {
    if job.attempt > ATTEMPTS_MAX {
        return Err(JobError::TooManyAttempts(ATTEMPTS_MAX));
    }
    calculation::run(mes, job).await
}
