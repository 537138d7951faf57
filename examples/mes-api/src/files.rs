//! The folder of uploaded models: the place where an object store would be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::errors::MesError;
use crate::pricing::{Glimpse, StlError, stl};

/// Largest file taken, in bytes: room for the largest model in its wordier form, as text.
const MODEL_BYTES_MAX: u64 = 500_000_000;

/// How long the next piece of an upload may take.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

/// An upload that nobody wrote to for so long was left by a process that died.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// First part of the names of files on their way.
const UPLOAD: &str = "upload";

/// Uploads read in full at a time: each is in memory then. Further ones wait.
const READ_AT_ONCE_MAX: usize = 2;

/// The folder; a handle to it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Files {
    folder: Arc<Path>,
    reading: Arc<Semaphore>,
}

impl Files {
    /// Opens the folder, creating it if it is missing, and removes uploads that broke off with their process.
    ///
    /// # Errors
    /// The folder cannot be created or read.
    pub(crate) async fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder).await?;
        remove_abandoned(folder).await?;
        Ok(Self::at(folder))
    }

    fn at(folder: &Path) -> Self {
        Self { folder: folder.into(), reading: Arc::new(Semaphore::new(READ_AT_ONCE_MAX)) }
    }

    /// Where a model is. Only the name of `model_url` counts: a message cannot point outside of the folder.
    ///
    /// # Errors
    /// `model_url` holds no name.
    pub(crate) fn path(&self, model_url: &str) -> io::Result<PathBuf> {
        let name = Path::new(model_url).file_name();
        name.map(|name| self.folder.join(name)).ok_or_else(|| io::ErrorKind::InvalidFilename.into())
    }

    /// Keeps the model in `body` under `name` and gives its length in bytes. A file under that name is complete: the
    /// upload goes to a name of its own first.
    ///
    /// # Errors
    /// The upload broke off or stalled, is no STL model, or cannot be written; nothing is kept then.
    pub(crate) async fn keep_model(&self, name: &str, body: Body) -> Result<u64, MesError> {
        let partial = self.folder.join(crate::ids::new(UPLOAD));
        let kept = self.receive_as(&partial, name, body).await;
        if kept.is_err() {
            // Best effort: the refusal matters more than a file left behind.
            let _ = fs::remove_file(&partial).await;
        }
        kept
    }

    async fn receive_as(&self, partial: &Path, name: &str, body: Body) -> Result<u64, MesError> {
        let length = receive(partial, body).await?;
        self.read(partial.to_owned()).await?;
        fs::rename(partial, self.path(name)?).await?;
        Ok(length)
    }

    /// Reads a model as its calculation will do: the partner learns now what is wrong with it.
    async fn read(&self, path: PathBuf) -> Result<(), MesError> {
        let _turn = self.reading.acquire().await;
        let reading = journey::spawn_blocking(move || {
            stl::load(&std::fs::read(path)?)?;
            Ok(())
        });
        reading.await.map_err(io::Error::from)?
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
async fn receive(path: &Path, body: Body) -> Result<u64, MesError> {
    let mut file = fs::File::create(path).await?;
    let mut pieces = body.into_data_stream();
    let mut glimpse = Glimpse::default();
    while let Some(piece) = timeout(PIECE_WITHIN, pieces.next()).await.map_err(|_| MesError::UploadStalled)? {
        let piece = piece.map_err(MesError::UploadBroken)?;
        glimpse.see(&piece);
        if glimpse.length_bytes() > MODEL_BYTES_MAX {
            return Err(MesError::TooLarge(MODEL_BYTES_MAX));
        }
        file.write_all(&piece).await?;
    }
    glimpse.check().map_err(StlError::from)?;
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

    /// Scenario: messages name a model, a path to one, a path out of the folder, and nothing.
    /// Guarantees: the model is always in the folder, or there is none.
    #[test]
    fn models_stay_in_the_folder() {
        let files = Files::at(Path::new("/models"));
        let path = |model_url| files.path(model_url).ok();
        assert_eq!(path("MODEL-1.stl"), Some("/models/MODEL-1.stl".into()));
        assert_eq!(path("a/b.stl"), Some("/models/b.stl".into()));
        assert_eq!(path("../../etc/passwd"), Some("/models/passwd".into()));
        assert_eq!(path(".."), None);
        assert_eq!(path(""), None);
    }

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

    /// Scenario: a partner uploads a text that begins and ends like a model, with nonsense between.
    /// Guarantees: it is refused with the reason, and no file is left.
    #[tokio::test]
    async fn nonsense_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(folder.path()).await.expect("it opens");
        let refused = files.keep_model("PROD-1.stl", Body::from("solid a\n<html>\nendsolid a")).await;
        let reason = refused.expect_err("it is no model").to_string();
        assert_eq!(reason, "line 2: expected a keyword of a triangle");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    }
}
