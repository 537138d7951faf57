//! Orders, as the customer sees them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Shop;
use crate::crm::{CrmError, NewOrder};
use crate::errors::ApiError;

/// `POST /carts/{cart}/order`: CRM creates the order; asking again gives the same one.
pub(crate) async fn create(
    State(shop): State<Shop>,
    Path(cart_id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    journey::set_cart_id(&cart_id);
    let cart = sqlx::query!("SELECT user_id, material, model_url FROM carts WHERE cart_id = $1", cart_id)
        .fetch_optional(&shop.db)
        .await?
        .ok_or(ApiError::NotFound("cart"))?;
    journey::set_user_id(&cart.user_id);
    let (Some(material), Some(model_url)) = (cart.material, cart.model_url) else {
        return Err(ApiError::Conflict("the cart has no model yet"));
    };

    let order =
        NewOrder { cart_id: &cart_id, user: &cart.user_id, material: &material, model_url: &model_url };
    let order_id = shop.crm.create_order(&order).await?;
    journey::set_order_id(&order_id);
    // A status of this order may have come from CRM before CRM's answer did.
    sqlx::query!(
        "INSERT INTO orders (order_id, cart_id) VALUES ($1, $2)
         ON CONFLICT (order_id) DO UPDATE SET cart_id = excluded.cart_id",
        order_id,
        cart_id,
    )
    .execute(&shop.db)
    .await?;
    Ok((StatusCode::CREATED, Json(json!({ "order_id": order_id }))))
}

/// `GET /orders/{order}/confirmation`: the customer sees that the order was taken. Looking again is no second step.
pub(crate) async fn confirmation(
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    journey::set_order_id(&order_id);
    let mut tx = shop.db.begin().await?;
    let order = sqlx::query!("SELECT cart_id, shown_at FROM orders WHERE order_id = $1 FOR UPDATE", order_id)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(ApiError::NotFound("order"))?;
    if order.shown_at.is_some() {
        tx.rollback().await?;
    } else {
        journey::stage("order_shown")
            .run(async |_| {
                sqlx::query!("UPDATE orders SET shown_at = now() WHERE order_id = $1", order_id)
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await
            })
            .await?;
    }
    Ok(Json(json!({
        "order_id": order_id,
        "cart_id": order.cart_id,
        "message": "Thank you. We are calculating your price.",
    })))
}

/// `GET /orders/{order}`: the shop's own copy, with state and price by CRM if it answers.
pub(crate) async fn show(
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    journey::set_order_id(&order_id);
    let order = sqlx::query!("SELECT cart_id, status FROM orders WHERE order_id = $1", order_id)
        .fetch_optional(&shop.db)
        .await?
        .ok_or(ApiError::NotFound("order"))?;
    let (state, price, failure) = match shop.crm.order(&order_id).await {
        Ok(order) => (Some(order.state), order.price, order.failure),
        Err(CrmError::Unreachable(_)) => (None, None, None),
        Err(refused) => return Err(refused.into()),
    };
    Ok(Json(json!({
        "order_id": order_id,
        "cart_id": order.cart_id,
        "status": order.status,
        "state": state,
        "price": price,
        "failure": failure,
    })))
}

/// `POST /orders/{order}/accept`: the customer takes the price.
pub(crate) async fn accept(
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
) -> Result<StatusCode, ApiError> {
    journey::set_order_id(&order_id);
    sqlx::query_scalar!("SELECT order_id FROM orders WHERE order_id = $1", order_id)
        .fetch_optional(&shop.db)
        .await?
        .ok_or(ApiError::NotFound("order"))?;
    shop.crm.accept_price(&order_id).await?;
    Ok(StatusCode::ACCEPTED)
}
