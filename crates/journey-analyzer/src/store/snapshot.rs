//! What an engine is rebuilt from.
//!
//! Rows are taken one by one, journey after journey: of the rows themselves no more is held than the buffer between
//! the database's thread and ours, and what attempts have in common is held once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use journey_detect::{Attempt, AttemptId, Finding, Instance, JourneyNames, Nanos};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, query};

use super::Store;
use super::packed::{self, attempt_columns};
use super::rows::{self, to_column};
use super::words::Words;

/// What an engine is rebuilt from.
#[derive(Debug)]
pub struct Snapshot {
    /// Attempts of journeys that are not past `expire_after`, and the names of the journeys of each, sorted.
    pub attempts: Vec<(Arc<Attempt>, JourneyNames)>,
    /// Service instances.
    pub instances: Vec<Instance>,
    /// Findings that stand.
    pub standing: Vec<Finding>,
    /// When the first signal ever came.
    pub first_signal_ns: Option<Nanos>,
}

impl Store {
    /// What an engine is rebuilt from: everything of journeys that showed since `since_ns`.
    ///
    /// # Errors
    /// Of the database, or a row that no version of this program wrote.
    pub async fn snapshot(&self, since_ns: Nanos) -> anyhow::Result<Snapshot> {
        let mut attempts = Attempts::default();
        self.each(OF_JOURNEYS, since_ns, |row| attempts.add(row)).await?;
        self.each(OF_NOBODY, since_ns, |row| attempts.add_without_journey(row)).await?;
        let instances = query("select * from instance").fetch_all(&self.pool).await?;
        let standing = self.findings(true, 0).await?;
        Ok(Snapshot {
            attempts: attempts.taken,
            instances: instances.iter().map(rows::instance).collect::<Result<_, _>>()?,
            standing: standing.into_iter().map(|stored| stored.finding).collect(),
            first_signal_ns: self.first_signal_ns().await?,
        })
    }

    async fn each(
        &self,
        sql: &'static str,
        since_ns: Nanos,
        mut take: impl FnMut(&SqliteRow) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut rows = query(sql).bind(to_column(since_ns)).fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            take(&row)?;
        }
        Ok(())
    }
}

/// The attempts so far.
#[derive(Default)]
struct Attempts {
    taken: Vec<(Arc<Attempt>, JourneyNames)>,
    /// Where those are that belong to several journeys: few, by a list of ids or an identity conflict.
    shared: HashMap<AttemptId, usize>,
    words: Words,
    /// The journey of the row before.
    journey: Option<Arc<str>>,
}

impl Attempts {
    fn add(&mut self, row: &SqliteRow) -> anyhow::Result<()> {
        let journey = self.journey(row.try_get("journey")?);
        let attempt = packed::attempt(row, &mut self.words)?;
        if !row.try_get("is_shared")? {
            self.taken.push((Arc::new(attempt), [journey].into()));
            return Ok(());
        }
        match self.shared.entry(attempt.id) {
            Entry::Vacant(vacant) => {
                vacant.insert(self.taken.len());
                self.taken.push((Arc::new(attempt), [journey].into()));
            }
            Entry::Occupied(at) => {
                let names = &mut self.taken[*at.get()].1;
                let mut all: Vec<_> = names.iter().cloned().chain([journey]).collect();
                all.sort();
                *names = all.into();
            }
        }
        Ok(())
    }

    fn add_without_journey(&mut self, row: &SqliteRow) -> anyhow::Result<()> {
        let attempt = Arc::new(packed::attempt(row, &mut self.words)?);
        self.taken.push((attempt, [].into()));
        Ok(())
    }

    /// Attempts of one journey come one after the other, so its name is held once.
    fn journey(&mut self, name: &str) -> Arc<str> {
        let known = self.journey.take().filter(|known| **known == *name);
        Arc::clone(self.journey.insert(known.unwrap_or_else(|| name.into())))
    }
}

/// A row for each attempt and journey, journey after journey. Nothing is sorted, so the first row comes at once.
const OF_JOURNEYS: &str = concat!(
    "select ",
    attempt_columns!(),
    ", m.journey,
        (select count(*) from membership o where o.trace_id = a.trace_id and o.span_id = a.span_id) > 1 as is_shared
     from journey j join membership m on m.journey = j.name join order_journey a using (trace_id, span_id)
     where j.last_ns >= ?"
);

/// Attempts that nothing ties to any journey.
const OF_NOBODY: &str = concat!(
    "select ",
    attempt_columns!(),
    " from order_journey a
     where coalesce(a.end_ns, a.last_beat_ns, a.start_ns) >= ?
           and not exists (select 1 from membership m where m.trace_id = a.trace_id and m.span_id = a.span_id)"
);
