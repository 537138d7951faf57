//! Price requests of partners: an order that begins in MES.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::errors::MesError;
use crate::pricing::Material;
use crate::{Mes, files, ids, outbox};

#[derive(Deserialize)]
pub(crate) struct PriceRequest {
    material: Material,
    partner: String,
}

/// Tells CRM to make an order of a partner's request.
#[derive(Serialize)]
struct PriceExternal<'a> {
    production_id: &'a str,
    partner: &'a str,
    material: Material,
    model_url: &'a str,
}

/// `POST /price-requests?material=silver&partner=x`: the body is the STL file.
pub(crate) async fn create(
    State(mes): State<Mes>,
    Query(request): Query<PriceRequest>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), MesError> {
    let production_id = ids::new("PROD");
    journey::set_production_id(&production_id);
    journey::set_facet("material", request.material.as_str());
    journey::stage("price_request")
        .run(async |stage| {
            let length = keep(&mes, &production_id, &request, body).await?;
            stage.set_size(length as f64);
            Ok::<_, MesError>(())
        })
        .await?;
    mes.outbox.wake();
    Ok((StatusCode::ACCEPTED, Json(json!({ "production_id": production_id }))))
}

async fn keep(mes: &Mes, production_id: &str, request: &PriceRequest, body: Body) -> Result<u64, MesError> {
    let PriceRequest { material, partner } = request;
    let model_url = format!("{production_id}.stl");
    let length = mes.files.keep_model(&model_url, body).await?;
    journey::set_facet("file_size", files::size_class(length));
    let mut tx = mes.db.begin().await?;
    sqlx::query!(
        "INSERT INTO price_requests (production_id, partner, material, model_url) VALUES ($1, $2, $3, $4)",
        production_id,
        partner,
        material.as_str(),
        model_url,
    )
    .execute(&mut *tx)
    .await?;
    let message = PriceExternal { production_id, partner, material: *material, model_url: &model_url };
    outbox::write(&mut tx, "price.external", &message).await?;
    tx.commit().await?;
    Ok(length)
}

/// `GET /price-requests/{production}`: the order that CRM made of it, once it did.
pub(crate) async fn show(
    State(mes): State<Mes>,
    Path(production_id): Path<String>,
) -> Result<Json<Value>, MesError> {
    journey::set_production_id(&production_id);
    let order_id =
        sqlx::query_scalar!("SELECT order_id FROM price_requests WHERE production_id = $1", production_id)
            .fetch_optional(&mes.db)
            .await?
            .ok_or(MesError::Unknown("price request"))?;
    Ok(Json(json!({ "production_id": production_id, "order_id": order_id })))
}
