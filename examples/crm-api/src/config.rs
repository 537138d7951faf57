//! What the environment says.

use std::env;
use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Context, anyhow, ensure};
use lapin::uri::AMQPUri;
use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

/// The service's settings; each is required and read in full, so that a typing error shows at the start.
pub(crate) struct Config {
    /// Address and port to serve at, e.g. `127.0.0.1:8081`.
    pub(crate) listen: String,
    /// CRM's own database.
    pub(crate) database: PgConnectOptions,
    /// The broker.
    pub(crate) amqp: AMQPUri,
    /// Base URL of the shop's routes for colleagues.
    pub(crate) shop_url: Url,
}

impl Config {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let shop_url: Url = required("SHOP_URL")?;
        ensure!(matches!(shop_url.scheme(), "http" | "https"), "SHOP_URL begins with `http://`");
        Ok(Self {
            listen: required("LISTEN")?,
            database: required("DATABASE_URL")?,
            amqp: required("AMQP_URL")?,
            shop_url,
        })
    }
}

fn required<T: FromStr<Err: Display>>(name: &str) -> anyhow::Result<T> {
    let value = env::var(name).with_context(|| format!("the environment variable {name} is needed"))?;
    value.parse().map_err(|error| anyhow!("the environment variable {name} is unreadable: {error}"))
}
