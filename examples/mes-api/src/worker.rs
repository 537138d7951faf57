//! Workers: each takes one job after the other until the service stops.

use std::time::Duration;

use journey::opentelemetry::Context;
use journey::opentelemetry::context::FutureExt;
use journey::opentelemetry::trace::SpanKind;
use journey::{Attach, Carrier, ContextExt, JourneyCell, SpanGuard, Stop};
use tokio::time::sleep;

use crate::Mes;
use crate::calculation::{self, Calculation, JobError};
use crate::jobs::Job;

/// Attempts at one stage that broke off or died: a model that kills the process is not tried for ever. An attempt that
/// the end of the service interrupted is none of them.
const DEATHS_MAX: i32 = 5;

/// Pause after the database did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Works on jobs. Told to stop, it drops the calculation under way, though not in the middle of a commit.
pub(crate) async fn run(mes: Mes, stop: Stop) {
    while !stop.is_asked() {
        match mes.jobs.take().await {
            Ok(Some(job)) => {
                // A trace of its own, linked to the request's: that one ended minutes ago if many jobs wait.
                let parent = match job.carrier.parse::<Carrier>() {
                    Ok(carrier) => carrier.attach(Attach::Link),
                    Err(_) => Context::new().with_cell(JourneyCell::new()),
                };
                let span = SpanGuard::start("calculate price", SpanKind::Internal, vec![], vec![], &parent);
                attempt(&mes, &job, &stop).with_context(span.context().clone()).await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "no job can be taken");
                stop.run_until_asked(sleep(RETRY_AFTER)).await;
            }
        }
    }
}

/// Makes one attempt. If it fails for now, its lease runs out, and the next attempt begins then.
async fn attempt(mes: &Mes, job: &Job, stop: &Stop) {
    let Err(error) = calculate(mes, job, stop).await else { return };
    let Job { order_id, attempt, .. } = job;
    if !error.is_final() {
        tracing::warn!(order_id, attempt, %error, "a calculation broke off");
        return;
    }
    tracing::error!(order_id, attempt, %error, "a calculation failed");
    if let Err(error) = calculation::give_up(mes, job, &error.to_string()).await {
        tracing::warn!(order_id, %error, "the failure was not noted");
    }
}

async fn calculate(mes: &Mes, job: &Job, stop: &Stop) -> Result<(), JobError> {
    if job.deaths >= DEATHS_MAX {
        return Err(JobError::TooManyDeaths(job.deaths));
    }
    let calculation = Calculation::new(mes, job, stop);
    tokio::select! {
        result = calculation.run() => result,
        () = calculation.interrupted() => Err(JobError::Stopping),
        () = mes.jobs.hold(job) => Err(JobError::Lost),
    }
}

#[cfg(test)]
mod tests;
