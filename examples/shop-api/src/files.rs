//! The folder of uploaded models: the place where an object store would be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::errors::ApiError;
use crate::stl_head::Glimpse;

/// Largest file taken, in bytes: room for the largest model in its wordier form, as text.
const MODEL_BYTES_MAX: u64 = 500_000_000;

/// How long the next piece of an upload may take.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

/// An upload that nobody wrote to for so long was left by a process that died.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// First part of the names of files on their way.
const UPLOAD: &str = "upload";

/// The folder; a handle to it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Files(Arc<Path>);

impl Files {
    /// Opens the folder, creating it if it is missing, and removes uploads that broke off with their process.
    ///
    /// # Errors
    /// The folder cannot be created or read.
    pub(crate) async fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder).await?;
        remove_abandoned(folder).await?;
        Ok(Self(folder.into()))
    }

    /// Keeps the model in `body` under `name` and gives its length in bytes. A file under that name is complete: the
    /// upload goes to a name of its own first.
    ///
    /// # Errors
    /// The upload broke off or stalled, is no STL model, or cannot be written; nothing is kept then.
    pub(crate) async fn keep_model(&self, name: &str, body: Body) -> Result<u64, ApiError> {
        let partial = self.0.join(crate::ids::new(UPLOAD));
        let kept = self.receive_as(&partial, name, body).await;
        if kept.is_err() {
            // Best effort: the refusal matters more than a file left behind.
            let _ = fs::remove_file(&partial).await;
        }
        kept
    }

    async fn receive_as(&self, partial: &Path, name: &str, body: Body) -> Result<u64, ApiError> {
        let length = receive(partial, body).await?;
        fs::rename(partial, self.path(name)).await?;
        Ok(length)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
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

/// Writes `body` to `path` piece by piece, and looks at it on the way.
async fn receive(path: &Path, body: Body) -> Result<u64, ApiError> {
    let mut file = fs::File::create(path).await?;
    let mut pieces = body.into_data_stream();
    let mut glimpse = Glimpse::default();
    while let Some(piece) = timeout(PIECE_WITHIN, pieces.next()).await.map_err(|_| ApiError::UploadStalled)? {
        let piece = piece.map_err(ApiError::UploadBroken)?;
        glimpse.see(&piece);
        if glimpse.length_bytes() > MODEL_BYTES_MAX {
            return Err(ApiError::TooLarge(MODEL_BYTES_MAX));
        }
        file.write_all(&piece).await?;
    }
    glimpse.check()?;
    file.sync_all().await?;
    Ok(glimpse.length_bytes())
}

async fn remove_abandoned(folder: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let is_upload = entry.file_name().to_string_lossy().starts_with(UPLOAD);
        // Another process of ours may be writing it at this moment, or have renamed it meanwhile.
        let Ok(modified) = entry.metadata().await.and_then(|file| file.modified()) else { continue };
        if is_upload && modified.elapsed().is_ok_and(|age| age > ABANDONED_AFTER) {
            let _ = fs::remove_file(entry.path()).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the folder holds a model, an upload of an hour ago and one of now, and is opened.
    /// Guarantees: only the old upload goes.
    #[tokio::test]
    async fn abandoned_uploads_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        for (name, modified) in [
            ("MODEL-1.stl", hour_ago),
            ("upload-1", hour_ago),
            ("upload-2", hour_ago + Duration::from_secs(3600)),
        ] {
            let file = std::fs::File::create(folder.path().join(name)).expect("a file");
            file.set_modified(modified).expect("a time");
        }
        Files::open(folder.path()).await.expect("it opens");
        let left = |name: &str| folder.path().join(name).exists();
        assert!(left("MODEL-1.stl") && !left("upload-1") && left("upload-2"));
    }
}
