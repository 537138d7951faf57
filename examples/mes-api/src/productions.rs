//! Orders in production, and their statuses.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::errors::MesError;
use crate::status::Status;
use crate::{Mes, ids, inbox, outbox};

/// CRM has a customer who took the price.
#[derive(Deserialize)]
pub(crate) struct ProductionRequested {
    order_id: String,
}

/// Message `production.requested`: takes the order into production.
pub(crate) async fn take(mes: &Mes, message_id: Uuid, request: ProductionRequested) -> Result<(), MesError> {
    let ProductionRequested { order_id } = request;
    journey::set_order_id(&order_id);
    let mut tx = mes.db.begin().await?;
    if !inbox::is_new(&mut tx, message_id).await? {
        return Ok(tx.rollback().await?);
    }

    journey::stage("production_take")
        .run(async |_| {
            // A partner's order has its production id from the beginning.
            let known =
                sqlx::query_scalar!("SELECT production_id FROM price_requests WHERE order_id = $1", order_id)
                    .fetch_optional(&mut *tx)
                    .await?;
            let production_id = known.unwrap_or_else(|| ids::new("PROD"));
            journey::set_production_id(&production_id);
            sqlx::query!(
                "INSERT INTO productions (order_id, production_id) VALUES ($1, $2)",
                order_id,
                production_id
            )
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
        .await
}

#[derive(Deserialize)]
pub(crate) struct StatusChange {
    to: Status,
}

/// Tells CRM about a change of status.
#[derive(Serialize)]
struct StatusChanged<'a> {
    order_id: &'a str,
    to: Status,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// `POST /productions/{order}/status`: what the workshop says is so; the order of statuses is not checked here.
pub(crate) async fn change_status(
    State(mes): State<Mes>,
    Path(order_id): Path<String>,
    Json(StatusChange { to }): Json<StatusChange>,
) -> Result<Json<Value>, MesError> {
    journey::set_order_id(&order_id);
    let mut tx = mes.db.begin().await?;
    let production = sqlx::query!(
        "SELECT production_id, status FROM productions WHERE order_id = $1 FOR UPDATE",
        order_id
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(MesError::Unknown("order in production"))?;
    journey::set_production_id(&production.production_id);

    let from = production.status.as_deref();
    journey::stage(to.stage())
        .status(from, to.as_str())
        .run(async |_| {
            sqlx::query!("UPDATE productions SET status = $2 WHERE order_id = $1", order_id, to.as_str())
                .execute(&mut *tx)
                .await?;
            let at = sqlx::query_scalar!(
                "INSERT INTO production_statuses (order_id, status) VALUES ($1, $2) RETURNING changed_at",
                order_id,
                to.as_str(),
            )
            .fetch_one(&mut *tx)
            .await?;
            let message = StatusChanged { order_id: &order_id, to, at };
            outbox::write(&mut tx, "status.changed", &message).await?;
            tx.commit().await?;
            Ok::<_, MesError>(())
        })
        .await?;
    mes.outbox.wake();
    Ok(Json(json!({ "order_id": order_id, "from": from, "to": to })))
}

/// A status and when it was reached.
#[derive(Serialize)]
struct Reached {
    to: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// `GET /productions/{order}`
pub(crate) async fn show(
    State(mes): State<Mes>,
    Path(order_id): Path<String>,
) -> Result<Json<Value>, MesError> {
    journey::set_order_id(&order_id);
    let production =
        sqlx::query!("SELECT production_id, status FROM productions WHERE order_id = $1", order_id)
            .fetch_optional(&mes.db)
            .await?
            .ok_or(MesError::Unknown("order in production"))?;
    let statuses = sqlx::query_as!(
        Reached,
        r#"SELECT status AS "to", changed_at AS at FROM production_statuses WHERE order_id = $1 ORDER BY seq"#,
        order_id,
    )
    .fetch_all(&mes.db)
    .await?;
    Ok(Json(json!({
        "order_id": order_id,
        "production_id": production.production_id,
        "status": production.status,
        "statuses": statuses,
    })))
}
