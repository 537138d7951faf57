//! One batch, one transaction.

use std::sync::Arc;

use journey_detect::{
    Attempt, Finding, IdentityConflict, Instance, JourneyRow, Nanos, Outputs, Verdict, Wait,
};
use serde_json::json;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{Connection, query};

use super::Store;
use super::rows::{self, json, to_column};
use crate::limits::{REJECTED_BYTES_MAX, REJECTED_ROWS_MAX};

/// Everything that one transaction makes durable.
#[derive(Debug, Default)]
pub struct Batch {
    /// What the engine said.
    pub outputs: Outputs,
    /// How far each source is read with it.
    pub offsets: Vec<(&'static str, u64)>,
    /// What could not be taken.
    pub rejects: Vec<Reject>,
    /// When the first signal ever came.
    pub first_signal_ns: Option<Nanos>,
    /// Wall clock, nanoseconds since the Unix epoch.
    pub now_ns: Nanos,
}

/// Something that could not be taken.
#[derive(Debug)]
pub struct Reject {
    /// Where it came from.
    pub source: &'static str,
    /// Why, as a word.
    pub reason: &'static str,
    /// Number of spans.
    pub spans: u64,
    /// The body, for one whole body that could not be read.
    pub body: Option<Vec<u8>>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.offsets.is_empty() && self.rejects.is_empty()
    }
}

impl Store {
    /// Makes a batch durable, all of it or nothing.
    ///
    /// # Errors
    /// Of the database. Whether the batch is durable is not known then: rebuild the engine from the store.
    pub async fn commit(&self, batch: &Batch) -> sqlx::Result<()> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        write(&mut transaction, batch).await?;
        transaction.commit().await
    }

    /// Notes which definition the rows were judged by.
    ///
    /// # Errors
    /// Of the database.
    pub async fn set_definition(&self, text: &str) -> sqlx::Result<()> {
        put_meta(&mut *self.pool.acquire().await?, "definition", text).await
    }
}

async fn write(to: &mut SqliteConnection, batch: &Batch) -> sqlx::Result<()> {
    for (attempt, journeys) in &batch.outputs.attempts {
        put_attempt(to, attempt).await?;
        put_memberships(to, attempt, journeys).await?;
    }
    for name in &batch.outputs.gone {
        query("delete from journey where name = ?").bind(&**name).execute(&mut *to).await?;
    }
    for journey in &batch.outputs.journeys {
        put_journey(to, journey).await?;
    }
    for finding in &batch.outputs.cleared {
        clear_finding(to, finding, batch.now_ns).await?;
    }
    for finding in &batch.outputs.raised {
        put_finding(to, finding, batch.now_ns).await?;
    }
    for finding in &batch.outputs.updated {
        update_finding(to, finding).await?;
    }
    for conflict in &batch.outputs.conflicts_withdrawn {
        remove_conflict(to, conflict).await?;
    }
    for conflict in &batch.outputs.conflicts {
        put_conflict(to, conflict).await?;
    }
    for instance in &batch.outputs.instances {
        put_instance(to, instance).await?;
    }
    for reject in &batch.rejects {
        put_reject(to, reject, batch.now_ns).await?;
    }
    for (source, offset) in &batch.offsets {
        query("insert into source_offset values (?, ?) on conflict do update set stream_offset = excluded.stream_offset")
            .bind(source)
            .bind(to_column(*offset))
            .execute(&mut *to)
            .await?;
    }
    if let Some(first_ns) = batch.first_signal_ns {
        put_meta(to, "first_signal_ns", &first_ns.to_string()).await?;
    }
    Ok(())
}

async fn put_meta(to: &mut SqliteConnection, key: &str, value: &str) -> sqlx::Result<()> {
    query("insert into meta values (?, ?) on conflict do update set value = excluded.value")
        .bind(key)
        .bind(value)
        .execute(to)
        .await?;
    Ok(())
}

async fn put_attempt(to: &mut SqliteConnection, attempt: &Attempt) -> sqlx::Result<()> {
    query(
        "insert or replace into order_journey values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(attempt.id.trace_id.to_string())
    .bind(attempt.id.span_id.to_string())
    .bind(attempt.parent_span_id.map(|id| id.to_string()))
    .bind(&*attempt.stage)
    .bind(&*attempt.service)
    .bind(&*attempt.instance)
    .bind(attempt.number)
    .bind(attempt.start_ns.map(to_column))
    .bind(attempt.end_ns.map(to_column))
    .bind(attempt.outcome.map(|outcome| outcome.as_str()))
    .bind(attempt.error_type.as_deref())
    .bind(attempt.beat_interval_ns.map(to_column))
    .bind(attempt.first_beat_ns.map(to_column))
    .bind(attempt.last_beat_ns.map(to_column))
    .bind(attempt.progress)
    .bind(attempt.idle_ns.map(to_column))
    .bind(attempt.size)
    .bind(json(&attempt.keys))
    .bind(json(&attempt.facets))
    .bind(rows::links(&attempt.links))
    .execute(to)
    .await?;
    Ok(())
}

async fn put_memberships(
    to: &mut SqliteConnection,
    attempt: &Attempt,
    journeys: &[Arc<str>],
) -> sqlx::Result<()> {
    let (trace_id, span_id) = (attempt.id.trace_id.to_string(), attempt.id.span_id.to_string());
    query("delete from membership where trace_id = ? and span_id = ?")
        .bind(&trace_id)
        .bind(&span_id)
        .execute(&mut *to)
        .await?;
    for journey in journeys {
        query("insert into membership values (?, ?, ?)")
            .bind(&**journey)
            .bind(&trace_id)
            .bind(&span_id)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

async fn put_journey(to: &mut SqliteConnection, journey: &JourneyRow) -> sqlx::Result<()> {
    // After a start every journey is told anew, and next to none of them has changed: a row that says the same already
    // costs a look and no write.
    query(
        "insert into journey values (?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (name) do update set
             is_anchored = excluded.is_anchored, verdict = excluded.verdict, is_final = excluded.is_final,
             waits = excluded.waits, first_ns = excluded.first_ns, last_ns = excluded.last_ns, keys = excluded.keys
         where (is_anchored, verdict, is_final, waits, first_ns, last_ns, keys)
               is not (excluded.is_anchored, excluded.verdict, excluded.is_final, excluded.waits, excluded.first_ns,
                       excluded.last_ns, excluded.keys)",
    )
        .bind(&*journey.name)
        .bind(journey.is_anchored)
        .bind(journey.verdict.as_str())
        .bind(matches!(journey.verdict, Verdict::Ok { is_final: true }))
        .bind(waits(&journey.waits))
        .bind(to_column(journey.span_ns.0))
        .bind(to_column(journey.span_ns.1))
        .bind(json(&journey.keys))
        .execute(to)
        .await?;
    Ok(())
}

fn waits(waits: &[Wait]) -> String {
    let waits: Vec<_> = waits
        .iter()
        .map(|wait| json!({ "stage": wait.stage, "since_ns": wait.since_ns, "until_ns": wait.until_ns }))
        .collect();
    serde_json::Value::from(waits).to_string()
}

async fn put_finding(to: &mut SqliteConnection, finding: &Finding, now_ns: Nanos) -> sqlx::Result<()> {
    // A batch may come again after a commit of unknown outcome: a finding that stands is not raised twice.
    let (orders, count) = orders(finding);
    let insert = query(
        "insert into finding (alert, order_id, stage, rule, service, from_stage, facet, value, instance, severity,
                              cause, reason, summary, waiting_for, evidence, trace_id, since_ns, raised_ns, orders,
                              orders_count)
         select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20
         where not exists (select 1 from finding where cleared_ns is null and alert = ?1 and order_id = ?2
                           and stage = ?3 and rule is ?4 and service is ?5 and from_stage is ?6 and facet is ?7
                           and value is ?8 and instance is ?9 and severity = ?10 and cause = ?11)",
    );
    of_finding(insert, finding)
        .bind(finding.reason.as_str())
        .bind(&*finding.summary)
        .bind(finding.waiting_for.as_deref())
        .bind(&*finding.evidence)
        .bind(finding.trace_id.map(|id| id.to_string()))
        .bind(to_column(finding.since_ns))
        .bind(to_column(now_ns))
        .bind(orders)
        .bind(count)
        .execute(to)
        .await?;
    Ok(())
}

async fn clear_finding(to: &mut SqliteConnection, finding: &Finding, now_ns: Nanos) -> sqlx::Result<()> {
    let set = query(
        "update finding set cleared_ns = ?
         where cleared_ns is null and alert = ? and order_id = ? and stage = ? and rule is ? and service is ?
               and from_stage is ? and facet is ? and value is ? and instance is ? and severity = ? and cause = ?",
    );
    of_finding(set.bind(to_column(now_ns)), finding).execute(to).await?;
    Ok(())
}

async fn update_finding(to: &mut SqliteConnection, finding: &Finding) -> sqlx::Result<()> {
    let set = query(
        "update finding set summary = ?, orders = ?, orders_count = ?
         where cleared_ns is null and alert = ? and order_id = ? and stage = ? and rule is ? and service is ?
               and from_stage is ? and facet is ? and value is ? and instance is ? and severity = ? and cause = ?",
    );
    let (orders, count) = orders(finding);
    of_finding(set.bind(&*finding.summary).bind(orders).bind(count), finding).execute(to).await?;
    Ok(())
}

/// Binds what tells a finding from all others, in the order of the columns.
fn of_finding<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    finding: &'q Finding,
) -> Query<'q, Sqlite, SqliteArguments> {
    query
        .bind(finding.key.alert.as_str())
        .bind(&*finding.key.order)
        .bind(&*finding.key.stage)
        .bind(finding.key.rule.as_deref())
        .bind(finding.key.service.as_deref())
        .bind(finding.key.from_stage.as_deref())
        .bind(finding.key.facet.as_deref())
        .bind(finding.key.value.as_deref())
        .bind(finding.key.instance.as_deref())
        .bind(finding.key.severity.as_str())
        .bind(&*finding.cause)
}

fn orders(finding: &Finding) -> (Option<String>, Option<i64>) {
    let orders = finding.orders.as_ref();
    let some =
        orders.map(|orders| serde_json::Value::from_iter(orders.some.iter().map(|name| &**name)).to_string());
    (some, orders.map(|orders| i64::try_from(orders.count).unwrap_or(i64::MAX)))
}

async fn remove_conflict(to: &mut SqliteConnection, conflict: &IdentityConflict) -> sqlx::Result<()> {
    query("delete from identity_conflict where key = ? and value = ? and anchor_a = ? and anchor_b = ?")
        .bind(&*conflict.key)
        .bind(&*conflict.value)
        .bind(&*conflict.anchors[0])
        .bind(&*conflict.anchors[1])
        .execute(to)
        .await?;
    Ok(())
}

async fn put_conflict(to: &mut SqliteConnection, conflict: &IdentityConflict) -> sqlx::Result<()> {
    query("insert or ignore into identity_conflict values (?, ?, ?, ?, ?)")
        .bind(&*conflict.key)
        .bind(&*conflict.value)
        .bind(&*conflict.anchors[0])
        .bind(&*conflict.anchors[1])
        .bind(to_column(conflict.at_ns))
        .execute(to)
        .await?;
    Ok(())
}

async fn put_instance(to: &mut SqliteConnection, instance: &Instance) -> sqlx::Result<()> {
    query("insert or replace into instance values (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(&*instance.id)
        .bind(&*instance.service)
        .bind(to_column(instance.first_ns))
        .bind(to_column(instance.last_ns))
        .bind(to_column(instance.said.map_or(0, |(_, seq)| seq)))
        .bind(instance.stopped)
        .bind(instance.said.map(|(at_ns, _)| to_column(at_ns)))
        .bind(rows::runs(&instance.runs))
        .execute(to)
        .await?;
    Ok(())
}

async fn put_reject(to: &mut SqliteConnection, reject: &Reject, now_ns: Nanos) -> sqlx::Result<()> {
    let body = reject.body.as_deref().map(|body| &body[..body.len().min(REJECTED_BYTES_MAX)]);
    query("insert into rejected (at_ns, source, reason, spans, body) values (?, ?, ?, ?, ?)")
        .bind(to_column(now_ns))
        .bind(reject.source)
        .bind(reject.reason)
        .bind(to_column(reject.spans))
        .bind(body)
        .execute(&mut *to)
        .await?;
    query("delete from rejected where id <= (select max(id) from rejected) - ?")
        .bind(REJECTED_ROWS_MAX)
        .execute(to)
        .await?;
    Ok(())
}
