//! Prices, calculated by MES, or not.

use serde::Deserialize;
use uuid::Uuid;

use crate::errors::CrmError;
use crate::{Crm, inbox};

/// MES calculated the price of an order.
#[derive(Deserialize)]
pub(crate) struct PriceCalculated {
    order_id: String,
    price_cents: i64,
}

/// Message `price.calculated`: the order gets its price, and the customer can accept it.
pub(crate) async fn form(crm: &Crm, message_id: Uuid, price: PriceCalculated) -> Result<(), CrmError> {
    journey::set_order_id(&price.order_id);
    let mut tx = crm.db.begin().await?;
    if !inbox::is_new(&mut tx, message_id).await? {
        return Ok(tx.rollback().await?);
    }

    journey::stage("price_form")
        .run(async |_| {
            let formed = sqlx::query!(
                "UPDATE orders SET price_cents = $2 WHERE order_id = $1",
                price.order_id,
                price.price_cents,
            )
            .execute(&mut *tx)
            .await?;
            if formed.rows_affected() == 0 {
                return Err(CrmError::UnknownOrder);
            }
            Ok(tx.commit().await?)
        })
        .await
}

/// MES will never have a price for an order.
#[derive(Deserialize)]
pub(crate) struct PriceFailed {
    order_id: String,
    reason: String,
}

/// Message `price.failed`: the customer can read why. No stage: the order does not get on by it.
pub(crate) async fn fail(crm: &Crm, message_id: Uuid, failure: PriceFailed) -> Result<(), CrmError> {
    journey::set_order_id(&failure.order_id);
    let mut tx = crm.db.begin().await?;
    if !inbox::is_new(&mut tx, message_id).await? {
        return Ok(tx.rollback().await?);
    }
    let noted = sqlx::query!(
        "UPDATE orders SET price_failure = $2 WHERE order_id = $1",
        failure.order_id,
        failure.reason,
    )
    .execute(&mut *tx)
    .await?;
    if noted.rows_affected() == 0 {
        return Err(CrmError::UnknownOrder);
    }
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests;
