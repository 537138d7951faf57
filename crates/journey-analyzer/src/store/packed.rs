//! An attempt as one text.
//!
//! Each value of a row is an allocation that crosses from the database's thread to ours, with a lock that both want; for
//! twenty columns that took longer than all else together. Numbers with a fraction keep columns of their own: as a text
//! they would not come back to the last bit.

use std::borrow::Cow;

use journey_detect::{Attempt, AttemptId};
use journey_model::StageOutcome;
use serde::Deserialize;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows::{from_column, link};
use super::words::{Pair, Words};

/// The columns from which [`attempt`] reads, of a table `order_journey a`.
macro_rules! attempt_columns {
    () => {
        "json_array(a.trace_id, a.span_id, a.parent_span_id, a.stage, a.service, a.instance, a.attempt, a.start_ns,
                    a.end_ns, a.outcome, a.error_type, a.beat_interval_ns, a.first_beat_ns, a.last_beat_ns, a.idle_ns,
                    json(a.keys), json(a.facets), json(a.links)) as packed,
         a.progress, a.size"
    };
}

pub(super) use attempt_columns;

/// The columns in their order.
#[derive(Deserialize)]
struct Packed<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    parent_span_id: Option<&'a str>,
    #[serde(borrow)]
    stage: Cow<'a, str>,
    #[serde(borrow)]
    service: Cow<'a, str>,
    #[serde(borrow)]
    instance: Cow<'a, str>,
    attempt: u32,
    start_ns: Option<i64>,
    end_ns: Option<i64>,
    outcome: Option<&'a str>,
    error_type: Option<String>,
    beat_interval_ns: Option<i64>,
    first_beat_ns: Option<i64>,
    last_beat_ns: Option<i64>,
    idle_ns: Option<i64>,
    keys: Vec<Pair<'a>>,
    facets: Vec<Pair<'a>>,
    links: Vec<&'a str>,
}

/// The attempt of a row.
pub(super) fn attempt(row: &SqliteRow, words: &mut Words) -> anyhow::Result<Attempt> {
    let packed: Packed<'_> = serde_json::from_str(row.try_get("packed")?)?;
    Ok(Attempt {
        id: AttemptId { trace_id: packed.trace_id.parse()?, span_id: packed.span_id.parse()? },
        parent_span_id: packed.parent_span_id.map(str::parse).transpose()?,
        stage: words.word(&packed.stage),
        service: words.word(&packed.service),
        instance: words.word(&packed.instance),
        number: packed.attempt,
        start_ns: packed.start_ns.map(from_column),
        end_ns: packed.end_ns.map(from_column),
        outcome: packed.outcome.and_then(StageOutcome::parse),
        error_type: packed.error_type.map(|error| words.word(&error)),
        beat_interval_ns: packed.beat_interval_ns.map(from_column),
        first_beat_ns: packed.first_beat_ns.map(from_column),
        last_beat_ns: packed.last_beat_ns.map(from_column),
        progress: row.try_get("progress")?,
        idle_ns: packed.idle_ns.map(from_column),
        size: row.try_get("size")?,
        links: packed.links.into_iter().map(link).collect::<Result<_, _>>()?,
        keys: words.keys(&packed.keys),
        facets: words.facets(&packed.facets),
    })
}
