//! What the environment says.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

/// The service's settings; each is required, so that a typing error shows at the start.
pub(crate) struct Config {
    /// Address and port to serve at, e.g. `127.0.0.1:8080`.
    pub(crate) listen: String,
    /// PostgreSQL URL of the shop's own database.
    pub(crate) database_url: String,
    /// Base URL of CRM.
    pub(crate) crm_url: String,
    /// Folder of the uploaded models.
    pub(crate) files_dir: PathBuf,
}

impl Config {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        Ok(Self {
            listen: required("LISTEN")?,
            database_url: required("DATABASE_URL")?,
            crm_url: required("CRM_URL")?,
            files_dir: required("FILES_DIR")?.into(),
        })
    }
}

fn required(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("the environment variable {name} is needed"))
}
