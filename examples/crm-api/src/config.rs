//! What the environment says.

use std::env;

use anyhow::Context;

/// The service's settings; each is required, so that a typing error shows at the start.
pub(crate) struct Config {
    /// Address and port to serve at, e.g. `127.0.0.1:8081`.
    pub(crate) listen: String,
    /// PostgreSQL URL of CRM's own database.
    pub(crate) database_url: String,
    /// URL of the broker.
    pub(crate) amqp_url: String,
    /// Base URL of the shop.
    pub(crate) shop_url: String,
}

impl Config {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        Ok(Self {
            listen: required("LISTEN")?,
            database_url: required("DATABASE_URL")?,
            amqp_url: required("AMQP_URL")?,
            shop_url: required("SHOP_URL")?,
        })
    }
}

fn required(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("the environment variable {name} is needed"))
}
