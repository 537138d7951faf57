//! Carts: where an order begins.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Shop;
use crate::errors::ApiError;
use crate::material::Material;
use crate::{files, ids};

#[derive(Deserialize)]
pub(crate) struct NewCart {
    user: String,
}

/// `POST /carts`
pub(crate) async fn open(
    State(shop): State<Shop>,
    Json(cart): Json<NewCart>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let cart_id = ids::new("CART");
    journey::set_cart_id(&cart_id);
    journey::set_user_id(&cart.user);
    sqlx::query!("INSERT INTO carts (cart_id, user_id) VALUES ($1, $2)", cart_id, cart.user)
        .execute(&shop.db)
        .await?;
    Ok((StatusCode::CREATED, Json(json!({ "cart_id": cart_id }))))
}

#[derive(Deserialize)]
pub(crate) struct ModelChoice {
    material: Material,
}

/// `POST /carts/{cart}/model?material=gold`: the body is the STL file.
pub(crate) async fn upload_model(
    State(shop): State<Shop>,
    Path(cart_id): Path<String>,
    Query(ModelChoice { material }): Query<ModelChoice>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let user_id = sqlx::query_scalar!("SELECT user_id FROM carts WHERE cart_id = $1", cart_id)
        .fetch_optional(&shop.db)
        .await?
        .ok_or(ApiError::NotFound("cart"))?;
    journey::set_cart_id(&cart_id);
    journey::set_user_id(&user_id);
    journey::set_facet("material", material.as_str());

    journey::stage("model_upload").run(async |_| keep_model(&shop, &cart_id, material, body).await).await?;
    Ok(StatusCode::CREATED)
}

/// Keeps the file under a name of its own, then notes it in the cart: an order under way keeps the file it was made with.
async fn keep_model(shop: &Shop, cart_id: &str, material: Material, body: Body) -> Result<(), ApiError> {
    let model_url = format!("{}.stl", ids::new("MODEL"));
    let length = shop.files.keep_model(&model_url, body).await?;
    journey::set_facet("file_size", files::size_class(length));
    sqlx::query!(
        "UPDATE carts SET material = $2, model_url = $3 WHERE cart_id = $1",
        cart_id,
        material.as_str(),
        model_url,
    )
    .execute(&shop.db)
    .await?;
    Ok(())
}
