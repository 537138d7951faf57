//! Orders: created, shown, accepted.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use journey::sqlx::PgConnection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::broker::Publisher;
use crate::errors::CrmError;
use crate::{Crm, ids, outbox};

/// What is known of an order at its beginning.
pub(crate) struct NewOrder {
    pub(crate) cart_id: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) production_id: Option<String>,
    pub(crate) partner: Option<String>,
    pub(crate) material: String,
    pub(crate) model_url: String,
}

/// Tells MES to calculate a price.
#[derive(Serialize)]
struct PriceRequested<'a> {
    order_id: &'a str,
    production_id: Option<&'a str>,
    material: &'a str,
    model_url: &'a str,
}

/// Creates an order and asks MES for its price, in the caller's transaction; gives the new id.
pub(crate) async fn insert(tx: &mut PgConnection, order: &NewOrder) -> Result<String, CrmError> {
    let order_id = ids::new("ORD");
    journey::set_order_id(&order_id);
    sqlx::query!(
        "INSERT INTO orders (order_id, cart_id, user_id, production_id, partner, material, model_url)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        order_id,
        order.cart_id,
        order.user_id,
        order.production_id,
        order.partner,
        order.material,
        order.model_url,
    )
    .execute(&mut *tx)
    .await?;
    let request = PriceRequested {
        order_id: &order_id,
        production_id: order.production_id.as_deref(),
        material: &order.material,
        model_url: &order.model_url,
    };
    outbox::write::<Publisher>(tx, "price.requested", &request).await?;
    Ok(order_id)
}

/// The shop's order.
#[derive(Deserialize)]
pub(crate) struct ShopOrder {
    cart_id: String,
    user: String,
    material: String,
    model_url: String,
}

/// `POST /orders`: one order per cart; a cart that was ordered before gets the same id again.
pub(crate) async fn create(
    State(crm): State<Crm>,
    Json(order): Json<ShopOrder>,
) -> Result<(StatusCode, Json<Value>), CrmError> {
    journey::set_cart_id(&order.cart_id);
    journey::set_user_id(&order.user);
    journey::set_facet("material", &order.material);
    let mut tx = crm.db.begin().await?;
    // Two requests for one cart at the same time: the second waits here, and finds the order of the first.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", order.cart_id)
        .execute(&mut *tx)
        .await?;
    let known = sqlx::query_scalar!("SELECT order_id FROM orders WHERE cart_id = $1", order.cart_id)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(order_id) = known {
        journey::set_order_id(&order_id);
        tx.rollback().await?;
        return Ok((StatusCode::OK, Json(json!({ "order_id": order_id }))));
    }

    let order = NewOrder {
        cart_id: Some(order.cart_id),
        user_id: Some(order.user),
        production_id: None,
        partner: None,
        material: order.material,
        model_url: order.model_url,
    };
    let order_id = journey::stage("order_create")
        .run(async |_| {
            let order_id = insert(&mut tx, &order).await?;
            tx.commit().await?;
            Ok::<_, CrmError>(order_id)
        })
        .await?;
    crm.outbox.wake();
    Ok((StatusCode::CREATED, Json(json!({ "order_id": order_id }))))
}

/// A status and when it was reached.
#[derive(Serialize)]
struct Reached {
    to: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// `GET /orders/{order}`
pub(crate) async fn show(
    State(crm): State<Crm>,
    Path(order_id): Path<String>,
) -> Result<Json<Value>, CrmError> {
    journey::set_order_id(&order_id);
    let order = sqlx::query!(
        "SELECT price_cents, price_failure, accepted_at, status, production_id, partner
         FROM orders WHERE order_id = $1",
        order_id,
    )
    .fetch_optional(&crm.db)
    .await?
    .ok_or(CrmError::UnknownOrder)?;
    let statuses = sqlx::query_as!(
        Reached,
        "SELECT status AS \"to\", changed_at AS at FROM order_statuses WHERE order_id = $1 ORDER BY seq",
        order_id,
    )
    .fetch_all(&crm.db)
    .await?;
    let state = match (order.status, order.accepted_at, order.price_cents, &order.price_failure) {
        (Some(status), ..) => status,
        (None, Some(_), ..) => "accepted".to_owned(),
        (None, None, Some(_), _) => "priced".to_owned(),
        (None, None, None, Some(_)) => "failed".to_owned(),
        (None, None, None, None) => "new".to_owned(),
    };
    Ok(Json(json!({
        "order_id": order_id,
        "production_id": order.production_id,
        "partner": order.partner,
        "state": state,
        "price": order.price_cents.map(|cents| cents as f64 / 100.0),
        "failure": order.price_failure,
        "statuses": statuses,
    })))
}

/// Tells MES to produce.
#[derive(Serialize)]
struct ProductionRequested<'a> {
    order_id: &'a str,
}

/// `POST /orders/{order}/accept`: the customer takes the price; taking it again changes nothing.
pub(crate) async fn accept(
    State(crm): State<Crm>,
    Path(order_id): Path<String>,
) -> Result<StatusCode, CrmError> {
    journey::set_order_id(&order_id);
    let mut tx = crm.db.begin().await?;
    let order = sqlx::query!(
        "SELECT price_cents, price_failure, accepted_at FROM orders WHERE order_id = $1 FOR UPDATE",
        order_id,
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(CrmError::UnknownOrder)?;
    if order.price_cents.is_none() && order.price_failure.is_some() {
        return Err(CrmError::Conflict("there will be no price for this model"));
    }
    if order.price_cents.is_none() {
        return Err(CrmError::Conflict("the price is not calculated yet"));
    }
    if order.accepted_at.is_some() {
        tx.rollback().await?;
        return Ok(StatusCode::ACCEPTED);
    }

    journey::stage("price_accept")
        .run(async |_| {
            sqlx::query!("UPDATE orders SET accepted_at = now() WHERE order_id = $1", order_id)
                .execute(&mut *tx)
                .await?;
            let request = ProductionRequested { order_id: &order_id };
            outbox::write::<Publisher>(&mut tx, "production.requested", &request).await?;
            tx.commit().await?;
            Ok::<_, CrmError>(())
        })
        .await?;
    crm.outbox.wake();
    Ok(StatusCode::ACCEPTED)
}
