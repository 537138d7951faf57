//! What the environment says.

use std::env;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, anyhow, ensure};
use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

/// The service's settings; each is required and read in full, so that a typing error shows at the start.
pub(crate) struct Config {
    /// Address and port to serve customers at, e.g. `127.0.0.1:8080`.
    pub(crate) listen: String,
    /// Address and port to serve colleagues at, e.g. `127.0.0.1:9080`.
    pub(crate) listen_internal: String,
    /// The shop's own database.
    pub(crate) database: PgConnectOptions,
    /// Base URL of CRM.
    pub(crate) crm_url: Url,
    /// Folder of the uploaded models.
    pub(crate) files_dir: PathBuf,
}

impl Config {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let crm_url: Url = required("CRM_URL")?;
        ensure!(matches!(crm_url.scheme(), "http" | "https"), "CRM_URL begins with `http://`");
        Ok(Self {
            listen: required("LISTEN")?,
            listen_internal: required("LISTEN_INTERNAL")?,
            database: required("DATABASE_URL")?,
            crm_url,
            files_dir: required("FILES_DIR")?,
        })
    }
}

fn required<T: FromStr<Err: Display>>(name: &str) -> anyhow::Result<T> {
    let value = env::var(name).with_context(|| format!("the environment variable {name} is needed"))?;
    value.parse().map_err(|error| anyhow!("the environment variable {name} is unreadable: {error}"))
}
