//! One price calculation: four stages, each committed before it ends.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use journey::opentelemetry::Context;
use journey::{Key, StageHandle, Stop};
use serde::Serialize;
use thiserror::Error;
use tokio::fs;
use tokio::sync::{Notify, oneshot};

use crate::checkpoints::Checkpoints;
use crate::jobs::{Job, Jobs};
use crate::pricing::{self, Estimate, Material, Mesh, Price, StlError, stl};
use crate::{Mes, files, outbox};

const LOAD: &str = "price.load_model";
const SIMPLIFY: &str = "price.simplify_model";
const ESTIMATE: &str = "price.estimate";
const FINAL: &str = "price.final";

/// An attempt that did not reach the price.
#[derive(Debug, Error)]
pub(crate) enum JobError {
    #[error("the calculation crashed")]
    Crashed(#[from] oneshot::error::RecvError),
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a file or a thread is not to be had: {0}")]
    File(#[from] io::Error),
    #[error("the job was lost to another attempt")]
    Lost,
    #[error(transparent)]
    Model(#[from] StlError),
    #[error("the service stops")]
    Stopping,
    #[error("{0} attempts at the same stage broke off")]
    TooManyDeaths(i32),
    #[error("what an earlier stage or another service wrote is unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl JobError {
    /// Whether another attempt would end the same way.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Model(_) | Self::TooManyDeaths(_) | Self::Unreadable(_) => true,
            Self::Crashed(_) | Self::Database(_) | Self::File(_) | Self::Lost | Self::Stopping => false,
        }
    }
}

/// One attempt at a price.
pub(crate) struct Calculation<'a> {
    mes: &'a Mes,
    job: &'a Job,
    stop: &'a Stop,
    interrupted: Notify,
}

impl<'a> Calculation<'a> {
    pub(crate) fn new(mes: &'a Mes, job: &'a Job, stop: &'a Stop) -> Self {
        Self { mes, job, stop, interrupted: Notify::new() }
    }

    /// Calculates from the first stage that no earlier attempt finished.
    pub(crate) async fn run(&self) -> Result<(), JobError> {
        let Job { order_id, material, model_url, .. } = self.job;
        journey::set_facet("material", material);
        let file = self.mes.files.path(model_url)?;
        let length = fs::metadata(&file).await?.len();
        journey::set_facet("file_size", files::size_class(length));

        let mut finished = Checkpoints::of(&self.mes.db, order_id).await?;
        let loaded = match finished.take(LOAD) {
            Some(_) => None,
            None => Some(self.load(file.clone(), length).await?),
        };
        let simple = match finished.take(SIMPLIFY) {
            Some(file) => stl::load(&file)?,
            None => self.simplify(file, loaded).await?,
        };
        let estimate = match finished.take(ESTIMATE) {
            Some(json) => serde_json::from_slice(&json)?,
            None => self.estimate(simple).await?,
        };
        self.form_price(&estimate).await
    }

    /// Returns once the service stops and nothing is half committed. [`Calculation::run`] is to be dropped then: its stage
    /// ends as cancelled, and a later attempt does it again.
    pub(crate) async fn interrupted(&self) {
        self.interrupted.notified().await;
    }

    /// Reads the model. The mesh is not kept for later attempts: the file stays where it is.
    async fn load(&self, file: PathBuf, length: u64) -> Result<Mesh, JobError> {
        self.stage(LOAD, Some(length as f64), move |_| Ok((read(&file)?, Vec::new()))).await
    }

    async fn simplify(&self, file: PathBuf, mesh: Option<Mesh>) -> Result<Mesh, JobError> {
        let triangles = mesh.as_ref().map(|mesh| mesh.triangle_count() as f64);
        let faults = self.mes.faults.of(&self.job.order_id);
        self.stage(SIMPLIFY, triangles, move |handle| {
            let mesh = mesh.map_or_else(|| read(&file), Ok)?;
            let mesh = faults.suffer(handle, |report| pricing::simplify(mesh, report));
            let kept = stl::write(&mesh);
            Ok((mesh, kept))
        })
        .await
    }

    async fn estimate(&self, mesh: Mesh) -> Result<Estimate, JobError> {
        let triangles = Some(mesh.triangle_count() as f64);
        self.stage(ESTIMATE, triangles, move |handle| {
            let estimate = pricing::estimate(&mesh, &mut |part| handle.progress(part));
            let kept = serde_json::to_vec(&estimate)?;
            Ok((estimate, kept))
        })
        .await
    }

    /// Runs one stage on a thread of its own, and commits what it found before it ends: an ended stage is never done
    /// again. `work` gives its result and the bytes that a later attempt needs of it.
    async fn stage<T, F>(&self, name: &'static str, size: Option<f64>, work: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnOnce(&StageHandle) -> Result<(T, Vec<u8>), JobError> + Send + 'static,
    {
        let Self { mes, job, stop, .. } = self;
        if stop.is_asked() {
            return Err(JobError::Stopping);
        }
        journey::stage(name)
            .attempt(job.attempt.unsigned_abs())
            // The row knows it too, if its carrier is unreadable.
            .key(Key::Order, &job.order_id)
            .run(async |stage| {
                if let Some(size) = size {
                    stage.set_size(size);
                }
                mes.jobs.begin_stage(job, name).await?;
                let handle = stage.handle();
                let working = on_own_thread(move || work(&handle))?;
                let Some(worked) = stop.run_until_asked(working).await else {
                    self.interrupted.notify_one();
                    return std::future::pending().await;
                };
                let (result, kept) = worked??;
                mes.jobs.checkpoint(job, name, &kept).await?;
                Ok(result)
            })
            .await
    }

    /// The last stage: price, end of the job and message are one transaction.
    async fn form_price(&self, estimate: &Estimate) -> Result<(), JobError> {
        let Self { mes, job, .. } = self;
        journey::stage(FINAL)
            .attempt(job.attempt.unsigned_abs())
            .key(Key::Order, &job.order_id)
            .run(async |_| {
                mes.jobs.begin_stage(job, FINAL).await?;
                let material: Material = serde_json::from_value(job.material.as_str().into())?;
                let price: Price = pricing::price(material, estimate);
                let message = PriceCalculated {
                    order_id: &job.order_id,
                    price_cents: price.total_cents,
                    weight_g: price.weight_g,
                };
                let mut tx = mes.db.begin().await?;
                Jobs::finish(&mut tx, job).await?;
                outbox::write(&mut tx, "price.calculated", &message).await?;
                tx.commit().await?;
                Ok::<_, JobError>(())
            })
            .await?;
        mes.outbox.wake();
        Ok(())
    }
}

/// Tells CRM the price.
#[derive(Serialize)]
struct PriceCalculated<'a> {
    order_id: &'a str,
    price_cents: i64,
    weight_g: f64,
}

/// Tells CRM that there will be no price.
#[derive(Serialize)]
struct PriceFailed<'a> {
    order_id: &'a str,
    reason: &'a str,
}

/// Gives a job up: the end of the job and the message about it are one transaction.
pub(crate) async fn give_up(mes: &Mes, job: &Job, reason: &str) -> Result<(), JobError> {
    let message = PriceFailed { order_id: &job.order_id, reason };
    let mut tx = mes.db.begin().await?;
    Jobs::fail(&mut tx, job, reason).await?;
    outbox::write(&mut tx, "price.failed", &message).await?;
    tx.commit().await?;
    mes.outbox.wake();
    Ok(())
}

/// Begins work that takes minutes, in the context of the caller. tokio's threads for blocking work are not for that: the
/// runtime waits for them at its end, and this may hang.
fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, working) = oneshot::channel();
    let context = Context::current();
    thread::Builder::new().name("calculation".to_owned()).spawn(move || {
        let _attached = context.attach();
        // Nobody waits any more if the service stops.
        let _ = done.send(work());
    })?;
    Ok(working)
}

fn read(file: &Path) -> Result<Mesh, JobError> {
    Ok(stl::load(&std::fs::read(file)?)?)
}
