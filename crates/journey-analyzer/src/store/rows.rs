//! Between the engine's values and the columns of rows.

use std::sync::Arc;

use anyhow::Context;
use journey_detect::{
    Alert, AttemptId, Finding, FindingKey, Instance, Nanos, Orders, Reason, Run, Severity, Verdict,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// SQLite has no unsigned integer; times after the year 2262 do not come.
pub(super) fn to_column(nanos: Nanos) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

pub(super) fn from_column(column: i64) -> Nanos {
    Nanos::try_from(column).unwrap_or(0)
}

pub(super) fn json(pairs: &[(Arc<str>, Arc<str>)]) -> String {
    serde_json::to_string(pairs).expect("pairs of texts are JSON")
}

/// Links as `trace_id/span_id`.
pub(super) fn links(links: &[AttemptId]) -> String {
    let links: Vec<String> = links.iter().map(|link| format!("{}/{}", link.trace_id, link.span_id)).collect();
    serde_json::to_string(&links).expect("texts are JSON")
}

pub(super) fn link(text: &str) -> anyhow::Result<AttemptId> {
    let (trace_id, span_id) = text.split_once('/').context("a link is two ids")?;
    Ok(AttemptId { trace_id: trace_id.parse()?, span_id: span_id.parse()? })
}

/// Runs as `[first, last, first_ns, last_ns]`.
pub(super) fn runs(runs: &[Run]) -> String {
    let runs: Vec<[u64; 4]> =
        runs.iter().map(|run| [run.first, run.last, run.first_ns, run.last_ns]).collect();
    serde_json::to_string(&runs).expect("numbers are JSON")
}

pub(super) fn instance(row: &SqliteRow) -> anyhow::Result<Instance> {
    Ok(Instance {
        id: row.try_get::<String, _>("id")?.into(),
        service: row.try_get::<String, _>("service")?.into(),
        first_ns: from_column(row.try_get("first_ns")?),
        last_ns: from_column(row.try_get("last_ns")?),
        said: nanos(row, "said_ns")?.zip(nanos(row, "seq")?),
        stopped: row.try_get("stopped")?,
        runs: serde_json::from_str::<Vec<[u64; 4]>>(&row.try_get::<String, _>("runs")?)?
            .into_iter()
            .map(|[first, last, first_ns, last_ns]| Run { first, last, first_ns, last_ns })
            .collect(),
    })
}

pub(super) fn finding(row: &SqliteRow) -> anyhow::Result<Finding> {
    let text = |column| -> anyhow::Result<Box<str>> { Ok(row.try_get::<String, _>(column)?.into()) };
    let maybe_text = |column| -> anyhow::Result<Option<Box<str>>> {
        Ok(row.try_get::<Option<String>, _>(column)?.map(Into::into))
    };
    Ok(Finding {
        key: FindingKey {
            alert: Alert::parse(&text("alert")?).context("the store names an alert that does not exist")?,
            order: text("order_id")?,
            stage: text("stage")?,
            rule: maybe_text("rule")?,
            service: maybe_text("service")?,
            from_stage: maybe_text("from_stage")?,
            facet: maybe_text("facet")?,
            value: maybe_text("value")?,
            instance: maybe_text("instance")?,
            severity: Severity::parse(&text("severity")?)
                .context("the store names a severity that does not exist")?,
        },
        cause: text("cause")?,
        reason: Reason::parse(&text("reason")?).context("the store names a reason that does not exist")?,
        summary: text("summary")?,
        waiting_for: maybe_text("waiting_for")?,
        evidence: text("evidence")?,
        trace_id: maybe_text("trace_id")?.map(|id| id.parse()).transpose()?,
        since_ns: from_column(row.try_get("since_ns")?),
        offence: None,
        orders: orders(row)?,
    })
}

/// The stages of a journey's waits.
pub(super) fn waits_for(row: &SqliteRow) -> anyhow::Result<Vec<String>> {
    let waits: Vec<serde_json::Value> = serde_json::from_str(&row.try_get::<String, _>("waits")?)?;
    Ok(waits.iter().filter_map(|wait| Some(wait["stage"].as_str()?.to_owned())).collect())
}

fn orders(row: &SqliteRow) -> anyhow::Result<Option<Orders>> {
    let some: Option<String> = row.try_get("orders")?;
    let count: Option<i64> = row.try_get("orders_count")?;
    let Some((some, count)) = some.zip(count) else { return Ok(None) };
    Ok(Some(Orders { some: serde_json::from_str(&some)?, count: usize::try_from(count)? }))
}

pub(super) fn nanos(row: &SqliteRow, column: &str) -> anyhow::Result<Option<Nanos>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(from_column))
}

pub(super) fn verdict(row: &SqliteRow) -> anyhow::Result<Verdict> {
    Ok(match row.try_get::<String, _>("verdict")?.as_str() {
        "evidence_gap" => Verdict::EvidenceGap,
        "ok" => Verdict::Ok { is_final: row.try_get("is_final")? },
        "violated" => Verdict::Violated,
        _ => Verdict::Open,
    })
}
