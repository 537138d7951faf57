//! The price calculations, as people see them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use crate::Mes;
use crate::errors::MesError;

/// Jobs shown, newest first.
const LISTED_MAX: i64 = 1000;

/// A job, as people see it.
#[derive(Serialize)]
pub(crate) struct JobView {
    order_id: String,
    state: String,
    attempt: i32,
    stage: Option<String>,
    #[serde(with = "rfc3339::option")]
    stage_began_at: Option<OffsetDateTime>,
    /// Finished stages, oldest first; of a job that is not done.
    stages_finished: Vec<String>,
    #[serde(with = "rfc3339::option")]
    last_stage_finished_at: Option<OffsetDateTime>,
    #[serde(with = "rfc3339::option")]
    lease_until: Option<OffsetDateTime>,
    failure: Option<String>,
    #[serde(with = "rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

/// `GET /jobs`
pub(crate) async fn show(State(mes): State<Mes>) -> Result<Json<Vec<JobView>>, MesError> {
    let jobs = sqlx::query_as!(
        JobView,
        r#"SELECT order_id, state, attempt, jobs.stage, stage_began_at, lease_until, failure, created_at,
                  jobs.finished_at,
                  coalesce(array_agg(checkpoints.stage ORDER BY checkpoints.finished_at)
                      FILTER (WHERE checkpoints.stage IS NOT NULL), '{}') AS "stages_finished!",
                  max(checkpoints.finished_at) AS last_stage_finished_at
           FROM jobs LEFT JOIN checkpoints USING (order_id)
           GROUP BY order_id ORDER BY created_at DESC LIMIT $1"#,
        LISTED_MAX,
    )
    .fetch_all(&mes.db)
    .await?;
    Ok(Json(jobs))
}
