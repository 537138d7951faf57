//! Partners' orders: they begin in MES, and become orders here.

use serde::Deserialize;
use uuid::Uuid;

use crate::errors::CrmError;
use crate::orders::{self, NewOrder};
use crate::{Crm, inbox};

/// MES got a price request from a partner.
#[derive(Deserialize)]
pub(crate) struct PriceExternal {
    production_id: String,
    partner: String,
    material: String,
    model_url: String,
}

/// Message `price.external`: creates the order of a partner's request.
pub(crate) async fn create(crm: &Crm, message_id: Uuid, request: PriceExternal) -> Result<(), CrmError> {
    journey::set_production_id(&request.production_id);
    journey::set_facet("material", &request.material);
    let mut tx = crm.db.begin().await?;
    if !inbox::is_new(&mut tx, message_id).await? {
        return Ok(tx.rollback().await?);
    }

    let order = NewOrder {
        cart_id: None,
        user_id: None,
        production_id: Some(request.production_id),
        partner: Some(request.partner),
        material: request.material,
        model_url: request.model_url,
    };
    journey::stage("order_create")
        .run(async |_| {
            orders::insert(&mut tx, &order).await?;
            tx.commit().await?;
            Ok::<_, CrmError>(())
        })
        .await?;
    crm.outbox.wake();
    Ok(())
}
