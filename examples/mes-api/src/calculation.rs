//! One price calculation: four stages, each committed before it ends.

use std::io;
use std::path::PathBuf;

use journey::StageHandle;
use serde::Serialize;
use thiserror::Error;
use tokio::task::JoinError;

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
    #[error("the calculation crashed: {0}")]
    Crashed(#[from] JoinError),
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the model cannot be read: {0}")]
    File(#[from] io::Error),
    #[error("the job was lost to another attempt")]
    Lost,
    #[error(transparent)]
    Model(#[from] StlError),
    #[error("no price after {0} attempts")]
    TooManyAttempts(i32),
    #[error("what an earlier stage or another service wrote is unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl JobError {
    /// Whether another attempt would end the same way.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Model(_) | Self::TooManyAttempts(_) | Self::Unreadable(_) => true,
            Self::Crashed(_) | Self::Database(_) | Self::File(_) | Self::Lost => false,
        }
    }
}

/// Calculates from the first stage that no earlier attempt finished.
pub(crate) async fn run(mes: &Mes, job: &Job) -> Result<(), JobError> {
    journey::set_facet("material", &job.material);
    let file = mes.files.path(&job.model_url)?;
    let length = tokio::fs::metadata(&file).await?.len();
    journey::set_facet("file_size", files::size_class(length));

    let mut finished = Checkpoints::of(&mes.db, &job.order_id).await?;
    let loaded = match finished.take(LOAD) {
        Some(_) => None,
        None => Some(load(mes, job, file.clone(), length).await?),
    };
    let simple = match finished.take(SIMPLIFY) {
        Some(file) => stl::load(&file)?,
        None => simplify(mes, job, file, loaded).await?,
    };
    let estimate = match finished.take(ESTIMATE) {
        Some(json) => serde_json::from_slice(&json)?,
        None => estimate(mes, job, simple).await?,
    };
    form_price(mes, job, &estimate).await
}

/// Reads the model. The mesh is not kept for later attempts: the file stays where it is.
async fn load(mes: &Mes, job: &Job, file: PathBuf, length: u64) -> Result<Mesh, JobError> {
    stage(mes, job, LOAD, Some(length as f64), move |_| Ok((read(&file)?, Vec::new()))).await
}

async fn simplify(mes: &Mes, job: &Job, file: PathBuf, mesh: Option<Mesh>) -> Result<Mesh, JobError> {
    let triangles = mesh.as_ref().map(|mesh| mesh.triangle_count() as f64);
    let faults = mes.faults.of(&job.order_id);
    stage(mes, job, SIMPLIFY, triangles, move |handle| {
        let mesh = mesh.map_or_else(|| read(&file), Ok)?;
        let mesh = faults.suffer(handle, |report| pricing::simplify(mesh, report));
        let kept = stl::write(&mesh);
        Ok((mesh, kept))
    })
    .await
}

async fn estimate(mes: &Mes, job: &Job, mesh: Mesh) -> Result<Estimate, JobError> {
    let triangles = Some(mesh.triangle_count() as f64);
    stage(mes, job, ESTIMATE, triangles, move |handle| {
        let estimate = pricing::estimate(&mesh, &mut |part| handle.progress(part));
        let kept = serde_json::to_vec(&estimate)?;
        Ok((estimate, kept))
    })
    .await
}

/// Runs one stage on a thread for long work, and commits what it found before it ends: an ended stage is never done
/// again. `work` gives its result and the bytes that a later attempt needs of it.
async fn stage<T, F>(
    mes: &Mes,
    job: &Job,
    name: &'static str,
    size: Option<f64>,
    work: F,
) -> Result<T, JobError>
where
    T: Send + 'static,
    F: FnOnce(&StageHandle) -> Result<(T, Vec<u8>), JobError> + Send + 'static,
{
    journey::stage(name)
        .attempt(job.attempt.unsigned_abs())
        .run(async |stage| {
            if let Some(size) = size {
                stage.set_size(size);
            }
            mes.jobs.begin_stage(job, name).await?;
            let handle = stage.handle();
            let (result, kept) = journey::spawn_blocking(move || work(&handle)).await??;
            mes.jobs.checkpoint(job, name, &kept).await?;
            Ok(result)
        })
        .await
}

/// Tells CRM the price.
#[derive(Serialize)]
struct PriceCalculated<'a> {
    order_id: &'a str,
    price_cents: i64,
    weight_g: f64,
}

/// The last stage: price, end of the job and message are one transaction.
async fn form_price(mes: &Mes, job: &Job, estimate: &Estimate) -> Result<(), JobError> {
    journey::stage(FINAL)
        .attempt(job.attempt.unsigned_abs())
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

fn read(file: &PathBuf) -> Result<Mesh, JobError> {
    Ok(stl::load(&std::fs::read(file)?)?)
}
