//! The folder of uploaded models: the place where an object store would be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::errors::MesError;
use crate::pricing::stl::{self, HEAD_BYTES};

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

    /// Where a model is. Only the name of `model_url` counts: a message cannot point outside of the folder.
    ///
    /// # Errors
    /// `model_url` holds no name.
    pub(crate) fn path(&self, model_url: &str) -> io::Result<PathBuf> {
        let name = Path::new(model_url).file_name();
        name.map(|name| self.0.join(name)).ok_or_else(|| io::ErrorKind::InvalidFilename.into())
    }

    /// Keeps the model in `body` under `name` and gives its length in bytes. A file under that name is complete: the
    /// upload goes to a name of its own first.
    ///
    /// # Errors
    /// The upload broke off, is no STL model, or cannot be written; nothing is kept then.
    pub(crate) async fn keep_model(&self, name: &str, body: Body) -> Result<u64, MesError> {
        let partial = self.0.join(crate::ids::new("upload"));
        let kept = match receive(&partial, body).await {
            Ok(length) => {
                fs::rename(&partial, self.path(name)?).await.map(|()| length).map_err(MesError::from)
            }
            Err(error) => Err(error),
        };
        if kept.is_err() {
            // Best effort: the refusal matters more than a file left behind.
            let _ = fs::remove_file(&partial).await;
        }
        kept
    }
}

/// The class of a model's size by which durations are compared: `small` is below 1 MB, `medium` below 10 MB.
pub(crate) fn size_class(bytes: u64) -> &'static str {
    match bytes {
        0..1_000_000 => "small",
        1_000_000..10_000_000 => "medium",
        _ => "large",
    }
}

/// Writes `body` to `path` piece by piece, and checks it on the way.
async fn receive(path: &Path, body: Body) -> Result<u64, MesError> {
    let mut file = fs::File::create(path).await?;
    let mut chunks = body.into_data_stream();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(MesError::UploadBroken)?;
        length += chunk.len() as u64;
        if length > MODEL_BYTES_MAX {
            return Err(MesError::TooLarge(MODEL_BYTES_MAX));
        }
        head.extend(chunk.iter().take(HEAD_BYTES - head.len()));
        file.write_all(&chunk).await?;
    }
    stl::check(&head, length)?;
    file.sync_all().await?;
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: messages name a model, a path to one, a path out of the folder, and nothing.
    /// Guarantees: the model is always in the folder, or there is none.
    #[test]
    fn models_stay_in_the_folder() {
        let files = Files(Path::new("/models").into());
        let path = |model_url| files.path(model_url).ok();
        assert_eq!(path("MODEL-1.stl"), Some("/models/MODEL-1.stl".into()));
        assert_eq!(path("a/b.stl"), Some("/models/b.stl".into()));
        assert_eq!(path("../../etc/passwd"), Some("/models/passwd".into()));
        assert_eq!(path(".."), None);
        assert_eq!(path(""), None);
    }
}
