//! A database for each service, in a server that may hold others.

use anyhow::{Context, Result};
use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The databases of one demo.
#[derive(Debug)]
pub(crate) struct Databases {
    server: Url,
    /// Part of each name, so that two demos on one server do not meet.
    run: u32,
}

impl Databases {
    /// Creates an empty database for each of the services.
    pub(crate) async fn create(server: &str) -> Result<Self> {
        let server = Url::parse(server).context("the URL of PostgreSQL is no URL")?;
        let databases = Self { server, run: std::process::id() };
        databases.each("CREATE DATABASE", "").await?;
        Ok(databases)
    }

    /// Where a service finds its database.
    pub(crate) fn url(&self, service: &str) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name(service));
        url.into()
    }

    /// Removes the databases, whoever is still connected.
    pub(crate) async fn remove(&self) -> Result<()> {
        self.each("DROP DATABASE IF EXISTS", "WITH (FORCE)").await
    }

    async fn each(&self, verb: &str, tail: &str) -> Result<()> {
        let mut server =
            PgConnection::connect(self.server.as_str()).await.context("cannot reach PostgreSQL")?;
        for service in SERVICES {
            // Safe: the name is a constant and a number.
            let statement = format!("{verb} {} {tail}", self.name(service));
            server
                .execute(AssertSqlSafe(statement))
                .await
                .with_context(|| format!("cannot {verb} for {service}"))?;
        }
        Ok(server.close().await?)
    }

    fn name(&self, service: &str) -> String {
        format!("journey_demo_{}_{service}", self.run)
    }
}

const SERVICES: [&str; 3] = ["crm", "mes", "shop"];
