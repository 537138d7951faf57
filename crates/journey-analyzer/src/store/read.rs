//! What readers ask.

use journey_detect::{Attempt, Finding, Nanos, Pairs, Verdict};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, query, query_scalar};

use super::Store;
use super::packed::{self, attempt_columns};
use super::rows::{self, to_column};
use super::words::Words;
use crate::limits::API_ROWS_MAX;

/// A finding and its times, wall clock, nanoseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub struct StoredFinding {
    /// Number of the row.
    pub id: i64,
    /// The finding.
    pub finding: Finding,
    /// When it was raised.
    pub raised_ns: Nanos,
    /// When it was cleared, `None` while it stands.
    pub cleared_ns: Option<Nanos>,
}

/// One journey in a list.
#[derive(Debug, Clone)]
pub struct JourneySummary {
    /// The order, or the best name of a journey without one.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Its keys.
    pub keys: Pairs,
    /// The stages that it waits for.
    pub waits_for: Vec<String>,
    /// Event time of its last sign of life.
    pub last_ns: Nanos,
}

impl Store {
    /// When the first signal ever came.
    ///
    /// # Errors
    /// Of the database.
    pub async fn first_signal_ns(&self) -> sqlx::Result<Option<Nanos>> {
        Ok(self.meta("first_signal_ns").await?.and_then(|text| text.parse().ok()))
    }

    /// Findings that stand, and if not `standing_only` those cleared since `cleared_since_ns`.
    ///
    /// # Errors
    /// Of the database, or a row that no version of this program wrote.
    pub async fn findings(
        &self,
        standing_only: bool,
        cleared_since_ns: Nanos,
    ) -> anyhow::Result<Vec<StoredFinding>> {
        let found = query(
            "select * from finding where cleared_ns is null or (not ? and cleared_ns >= ?) order by id",
        )
        .bind(standing_only)
        .bind(to_column(cleared_since_ns))
        .fetch_all(&self.pool)
        .await?;
        found
            .iter()
            .map(|row| {
                Ok(StoredFinding {
                    id: row.try_get("id")?,
                    finding: rows::finding(row)?,
                    raised_ns: rows::nanos(row, "raised_ns")?.unwrap_or(0),
                    cleared_ns: rows::nanos(row, "cleared_ns")?,
                })
            })
            .collect()
    }

    /// The journey of this name, or the one that has this value under any of its keys.
    ///
    /// # Errors
    /// Of the database, or a row that no version of this program wrote.
    pub async fn find_journey(&self, name_or_key: &str) -> anyhow::Result<Option<JourneySummary>> {
        let found = query(
            "select * from journey where name = ?1
             union all
             select * from journey where exists (select 1 from json_each(keys) where value ->> 1 = ?1)
             limit 1",
        )
        .bind(name_or_key)
        .fetch_optional(&self.pool)
        .await?;
        found.as_ref().map(summary).transpose()
    }

    /// Journeys by verdict (all if `None`), those that showed last first, at most [`API_ROWS_MAX`].
    ///
    /// # Errors
    /// Of the database, or a row that no version of this program wrote.
    pub async fn journeys(&self, verdict: Option<&str>) -> anyhow::Result<Vec<JourneySummary>> {
        let found =
            query("select * from journey where ?1 is null or verdict = ?1 order by last_ns desc limit ?2")
                .bind(verdict)
                .bind(API_ROWS_MAX)
                .fetch_all(&self.pool)
                .await?;
        found.iter().map(summary).collect()
    }

    /// All attempts of a journey.
    ///
    /// # Errors
    /// Of the database, or a row that no version of this program wrote.
    pub async fn attempts(&self, journey: &str) -> anyhow::Result<Vec<Attempt>> {
        let found = query(concat!(
            "select ",
            attempt_columns!(),
            " from order_journey a join membership m using (trace_id, span_id) where m.journey = ?"
        ))
        .bind(journey)
        .fetch_all(&self.pool)
        .await?;
        let mut words = Words::default();
        found.iter().map(|row| packed::attempt(row, &mut words)).collect()
    }

    /// How far a source was read.
    ///
    /// # Errors
    /// Of the database.
    pub async fn offset(&self, source: &str) -> sqlx::Result<Option<u64>> {
        let offset: Option<i64> = query_scalar("select stream_offset from source_offset where source = ?")
            .bind(source)
            .fetch_optional(&self.pool)
            .await?;
        Ok(offset.and_then(|offset| offset.try_into().ok()))
    }

    /// The definition that the rows were judged by.
    ///
    /// # Errors
    /// Of the database.
    pub async fn definition(&self) -> sqlx::Result<Option<String>> {
        self.meta("definition").await
    }

    async fn meta(&self, key: &str) -> sqlx::Result<Option<String>> {
        query_scalar("select value from meta where key = ?").bind(key).fetch_optional(&self.pool).await
    }
}

fn summary(row: &SqliteRow) -> anyhow::Result<JourneySummary> {
    Ok(JourneySummary {
        name: row.try_get("name")?,
        verdict: rows::verdict(row)?,
        keys: serde_json::from_str::<Vec<_>>(&row.try_get::<String, _>("keys")?)?.into(),
        waits_for: rows::waits_for(row)?,
        last_ns: rows::nanos(row, "last_ns")?.unwrap_or(0),
    })
}
