//! The folder of uploaded models: the place where an object store would be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::errors::ApiError;
use crate::model_file::{self, HEAD_BYTES, Unreadable};

/// Largest file taken, in bytes: room for the largest model in its wordier form, as text.
const MODEL_BYTES_MAX: u64 = 500_000_000;

/// The folder; a handle to it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Files(Arc<Path>);

impl Files {
    /// Opens the folder, creating it if it is missing.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub(crate) async fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder).await?;
        Ok(Self(folder.into()))
    }

    /// Keeps the model in `body` under `name` and gives its length in bytes. A file under that name is complete: the
    /// upload goes to a name of its own first.
    ///
    /// # Errors
    /// The upload broke off, is no STL model, or cannot be written; nothing is kept then.
    pub(crate) async fn keep_model(&self, name: &str, body: Body) -> Result<u64, ApiError> {
        let partial = self.0.join(crate::ids::new("upload"));
        let kept = match receive(&partial, body).await {
            Ok(length) => {
                fs::rename(&partial, self.path(name)).await.map(|()| length).map_err(ApiError::from)
            }
            Err(error) => Err(error),
        };
        if kept.is_err() {
            // Best effort: the refusal matters more than a file left behind.
            let _ = fs::remove_file(&partial).await;
        }
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Writes `body` to `path` piece by piece, and checks it on the way.
async fn receive(path: &Path, body: Body) -> Result<u64, ApiError> {
    let mut file = fs::File::create(path).await?;
    let mut chunks = body.into_data_stream();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(ApiError::UploadBroken)?;
        length += chunk.len() as u64;
        if length > MODEL_BYTES_MAX {
            return Err(Unreadable::TooLarge(MODEL_BYTES_MAX).into());
        }
        head.extend(chunk.iter().take(HEAD_BYTES - head.len()));
        file.write_all(&chunk).await?;
    }
    model_file::check(&head, length)?;
    file.sync_all().await?;
    Ok(length)
}
