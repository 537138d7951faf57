//! Reads MES's job table, as somebody who wants to know what MES is doing right now.

use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

/// MES's jobs, read over a connection of its own: MES itself may be stopped.
pub(super) struct Jobs {
    database: PgConnection,
}

/// A stage that a worker of MES is in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenStage {
    pub(super) order: String,
    pub(super) stage: String,
    /// How long ago it began.
    pub(super) age: Duration,
}

impl Jobs {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        Ok(Self { database: PgConnection::connect(url).await.context("cannot reach MES's database")? })
    }

    /// All stages that are open now.
    pub(super) async fn open_stages(&mut self) -> Result<Vec<OpenStage>> {
        let rows: Vec<(String, String, f64)> = sqlx::query_as(OPEN).fetch_all(&mut self.database).await?;
        let stage = |(order, stage, age_s): (String, String, f64)| OpenStage {
            order,
            stage,
            age: Duration::from_secs_f64(age_s.max(0.0)),
        };
        Ok(rows.into_iter().map(stage).collect())
    }

    /// Whether any job was taken, went into another stage or was finished within this time.
    pub(super) async fn changed_within(&mut self, time: Duration) -> Result<bool> {
        Ok(sqlx::query_scalar(CHANGED).bind(time.as_secs_f64()).fetch_one(&mut self.database).await?)
    }
}

/// Stages of attempts whose process is believed to live.
const OPEN: &str = "SELECT order_id, stage, extract(epoch FROM now() - stage_began_at)::float8 FROM jobs \
    WHERE state = 'running' AND stage IS NOT NULL AND lease_until > now() ORDER BY order_id";

/// A running job without a stage is on its way from one stage to the next.
const CHANGED: &str = "WITH since AS (SELECT now() - make_interval(secs => $1) AS moment) \
    SELECT EXISTS (SELECT FROM jobs, since WHERE (state = 'running' AND stage IS NULL AND lease_until > now()) \
            OR stage_began_at > moment OR finished_at > moment) \
        OR EXISTS (SELECT FROM checkpoints, since WHERE finished_at > moment)";

#[cfg(test)]
mod tests {
    use journey_testkit::env_url;
    use sqlx::Executor;

    use super::*;

    const SCHEMA: &str = include_str!("../../../../../examples/mes-api/migrations/0001_mes.sql");

    async fn changed(database: &mut PgConnection, within_s: f64) -> bool {
        sqlx::query_scalar(CHANGED).bind(within_s).fetch_one(database).await.expect("readable")
    }

    /// Scenario: MES's tables with a job in a stage, one between two stages, one of a dead process, and one that waits.
    /// Guarantees: only the stage of the living process is open, and a job between two stages counts as a change.
    #[tokio::test]
    async fn only_living_attempts_have_open_stages() {
        let Some(url) = env_url("JOURNEY_PG_URL") else { return };
        let mut jobs = Jobs::connect(&url).await.expect("PostgreSQL is there");
        let mut tx = jobs.database.begin().await.expect("a transaction");
        // Whatever else is in the server, these tables are ours and gone afterwards.
        tx.execute("CREATE SCHEMA jobs_test; SET LOCAL search_path TO jobs_test").await.expect("a schema");
        tx.execute(SCHEMA).await.expect("MES's tables");
        tx.execute(
            "INSERT INTO jobs (order_id, material, model_url, carrier, state, lease_until, stage, stage_began_at) VALUES
                ('IN', '', '', '', 'running', now() + interval '5 s', 'price.final', now() - interval '3 s'),
                ('DEAD', '', '', '', 'running', now() - interval '1 s', 'price.final', now() - interval '9 s'),
                ('WAITS', '', '', '', 'waiting', NULL, NULL, NULL)",
        )
        .await
        .expect("jobs");
        let open: Vec<(String, String, f64)> =
            sqlx::query_as(OPEN).fetch_all(&mut *tx).await.expect("readable");
        assert_eq!(open, [("IN".to_owned(), "price.final".to_owned(), 3.0)]);
        assert!(!changed(&mut tx, 1.0).await);
        assert!(changed(&mut tx, 4.0).await);

        tx.execute("UPDATE jobs SET stage = NULL, stage_began_at = NULL WHERE order_id = 'IN'")
            .await
            .expect("a change");
        assert!(changed(&mut tx, 1.0).await);
    }
}
