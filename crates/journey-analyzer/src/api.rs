//! The HTTP API: reads the store, asks nobody.
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/v1/orders?verdict=violated` | journeys, newest first, at most 1000 |
//! | `GET /api/v1/orders/{id}` | one journey's story, by order id or any other key; text if text is accepted |
//! | `GET /api/v1/findings?all=true` | findings that stand; with `all`, cleared ones of the last day too |
//! | `GET /healthz` | the process lives |
//! | `GET /readyz` | the store answers |
//! | `GET /metrics` | the analyzer's own metrics |

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use journey_detect::{Chapter, Definition, Finding, Nanos, Story};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::owner::wall_clock_ns;
use crate::store::{JourneySummary, Store, StoredFinding};
use crate::story;

/// What the handlers read.
#[derive(Clone)]
pub struct Api {
    /// The rows.
    pub store: Store,
    /// What the rows were judged by.
    pub definition: Arc<Definition>,
    /// The analyzer's own metrics.
    pub metrics: PrometheusHandle,
}

impl Api {
    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/v1/orders", get(orders))
            .route("/api/v1/orders/{id}", get(order))
            .route("/api/v1/findings", get(findings))
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(|State(api): State<Api>| async move { api.metrics.render() }))
            .with_state(self)
    }
}

#[derive(Deserialize)]
struct OrdersQuery {
    verdict: Option<String>,
}

async fn orders(State(api): State<Api>, Query(query): Query<OrdersQuery>) -> Result<Response, Failure> {
    let journeys = api.store.journeys(query.verdict.as_deref()).await?;
    let journeys: Vec<Value> = journeys.iter().map(journey_json).collect();
    Ok(Json(journeys).into_response())
}

async fn order(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let Some(story) = story::tell(&api.store, &api.definition, &id).await? else {
        let message = json!({ "error": format!("nothing is known of `{id}`") });
        return Ok((StatusCode::NOT_FOUND, Json(message)).into_response());
    };
    let accepts_text =
        headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    Ok(if accepts_text {
        story.to_string().into_response()
    } else {
        Json(story_json(&story)).into_response()
    })
}

#[derive(Deserialize)]
struct FindingsQuery {
    #[serde(default)]
    all: bool,
}

async fn findings(State(api): State<Api>, Query(query): Query<FindingsQuery>) -> Result<Response, Failure> {
    let since_ns = wall_clock_ns().saturating_sub(DAY_NS);
    let found = api.store.findings(!query.all, since_ns).await?;
    let found: Vec<Value> = found.iter().map(stored_finding_json).collect();
    Ok(Json(found).into_response())
}

async fn ready(State(api): State<Api>) -> Result<&'static str, Failure> {
    api.store.definition().await?;
    Ok("ok")
}

fn journey_json(journey: &JourneySummary) -> Value {
    json!({
        "order": journey.name,
        "verdict": journey.verdict.as_str(),
        "keys": keys_json(&journey.keys),
        "last_ns": journey.last_ns,
    })
}

fn story_json(story: &Story) -> Value {
    let waits = story
        .waits
        .iter()
        .map(|wait| json!({ "stage": wait.stage, "since_ns": wait.since_ns, "until_ns": wait.until_ns }));
    json!({
        "order": story.order,
        "verdict": story.verdict.as_str(),
        "keys": keys_json(&story.keys),
        "stages": story.chapters.iter().map(chapter_json).collect::<Vec<_>>(),
        "waits_for": waits.collect::<Vec<_>>(),
        "findings": story.findings.iter().map(finding_json).collect::<Vec<_>>(),
    })
}

fn chapter_json(chapter: &Chapter) -> Value {
    let attempt = &chapter.attempt;
    json!({
        "stage": attempt.stage,
        "service": attempt.service,
        "instance": attempt.instance,
        "attempt": attempt.number,
        "state": chapter.state.as_str(),
        "outcome": attempt.outcome.map(|outcome| outcome.as_str()),
        "error_type": attempt.error_type,
        "start_ns": attempt.start_ns,
        "end_ns": attempt.end_ns,
        "wait_ns": chapter.wait_ns,
        "duration_ns": chapter.duration_ns,
        "progress": attempt.progress,
        "trace_id": attempt.id.trace_id.to_string(),
        "span_id": attempt.id.span_id.to_string(),
    })
}

fn stored_finding_json(stored: &StoredFinding) -> Value {
    let mut value = finding_json(&stored.finding);
    value["raised_ns"] = stored.raised_ns.into();
    value["cleared_ns"] = stored.cleared_ns.into();
    value
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "alert": finding.key.alert.as_str(),
        "order": finding.key.order,
        "stage": finding.key.stage,
        "rule": finding.key.rule,
        "service": finding.key.service,
        "service_instance": finding.key.instance,
        "from_stage": finding.key.from_stage,
        "facet": finding.key.facet,
        "value": finding.key.value,
        "severity": finding.key.severity.as_str(),
        "orders": finding.orders.as_ref().map(ToString::to_string),
        "reason": finding.reason.as_str(),
        "summary": finding.summary,
        "waiting_for": finding.waiting_for,
        "evidence": finding.evidence,
        "trace_id": finding.trace_id.map(|id| id.to_string()),
        "since_ns": finding.since_ns,
    })
}

fn keys_json(keys: &[(Arc<str>, Arc<str>)]) -> Value {
    keys.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// The store could not be read. The caller learns that, the log learns why.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::error!("the store cannot be read: {:#}", self.0);
        let message = json!({ "error": "the store cannot be read now" });
        (StatusCode::SERVICE_UNAVAILABLE, Json(message)).into_response()
    }
}

const DAY_NS: Nanos = 86_400_000_000_000;
