//! What the environment says.

use std::env;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lapin::uri::AMQPUri;
use sqlx::postgres::PgConnectOptions;

/// The service's settings; all are read in full, so that a typing error shows at the start.
pub(crate) struct Config {
    /// Address and port to serve partners at, e.g. `127.0.0.1:8082`.
    pub(crate) listen: String,
    /// Address and port to serve colleagues at, e.g. `127.0.0.1:9082`.
    pub(crate) listen_internal: String,
    /// MES's own database.
    pub(crate) database: PgConnectOptions,
    /// The broker.
    pub(crate) amqp: AMQPUri,
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
            listen_internal: required("LISTEN_INTERNAL")?,
            database: required("DATABASE_URL")?,
            amqp: required("AMQP_URL")?,
            files_dir: required("FILES_DIR")?,
            workers: optional("MES_WORKERS", "4")?.parse().context("MES_WORKERS is a number")?,
            lease: humantime::parse_duration(&optional("MES_LEASE", "30s")?)
                .context("MES_LEASE is a time such as `30s`")?,
            faults: optional("MES_FAULTS", "off")? == "on",
        })
    }
}

fn required<T: FromStr<Err: Display>>(name: &str) -> anyhow::Result<T> {
    let value = env::var(name).with_context(|| format!("the environment variable {name} is needed"))?;
    value.parse().map_err(|error| anyhow!("the environment variable {name} is unreadable: {error}"))
}

fn optional(name: &str, default: &str) -> anyhow::Result<String> {
    match env::var(name) {
        Err(env::VarError::NotPresent) => Ok(default.to_owned()),
        value => value.with_context(|| format!("the environment variable {name} is unreadable")),
    }
}
