//! What the environment says.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

/// The service's settings.
pub(crate) struct Config {
    /// Address and port to serve at, e.g. `127.0.0.1:8082`.
    pub(crate) listen: String,
    /// PostgreSQL URL of MES's own database.
    pub(crate) database_url: String,
    /// URL of the broker.
    pub(crate) amqp_url: String,
    /// Folder of the uploaded models.
    pub(crate) files_dir: PathBuf,
    /// Calculations at a time; 4 if not said.
    pub(crate) workers: usize,
    /// Time after which a silent process counts as dead; 30 s if not said.
    pub(crate) lease: Duration,
    /// Whether `POST /faults` is served.
    pub(crate) faults: bool,
}

impl Config {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        Ok(Self {
            listen: required("LISTEN")?,
            database_url: required("DATABASE_URL")?,
            amqp_url: required("AMQP_URL")?,
            files_dir: required("FILES_DIR")?.into(),
            workers: optional("MES_WORKERS", "4")?.parse().context("MES_WORKERS is a number")?,
            lease: humantime::parse_duration(&optional("MES_LEASE", "30s")?)
                .context("MES_LEASE is a time such as `30s`")?,
            faults: optional("MES_FAULTS", "off")? == "on",
        })
    }
}

fn required(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("the environment variable {name} is needed"))
}

fn optional(name: &str, default: &str) -> anyhow::Result<String> {
    match env::var(name) {
        Err(env::VarError::NotPresent) => Ok(default.to_owned()),
        value => value.with_context(|| format!("the environment variable {name} is unreadable")),
    }
}
