//! Changes of status, told by MES, passed on to the shop.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::errors::CrmError;
use crate::shop::Shop;
use crate::status::Status;
use crate::{Crm, inbox, outbox};

/// MES changed the status of an order.
#[derive(Deserialize)]
pub(crate) struct StatusChanged {
    order_id: String,
    to: Status,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// The same, as the shop is told.
#[derive(Serialize)]
struct Change {
    to: Status,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// Message `status.changed`: CRM notes the status as it comes, and tells the shop.
pub(crate) async fn pass_on(crm: &Crm, message_id: Uuid, change: StatusChanged) -> Result<(), CrmError> {
    let StatusChanged { order_id, to, at } = change;
    journey::set_order_id(&order_id);
    let mut tx = crm.db.begin().await?;
    if !inbox::is_new(&mut tx, message_id).await? {
        return Ok(tx.rollback().await?);
    }
    let from = sqlx::query_scalar!("SELECT status FROM orders WHERE order_id = $1 FOR UPDATE", order_id)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(CrmError::UnknownOrder)?;

    journey::stage(to.stage())
        .status(from.as_deref(), to.as_str())
        .run(async |_| {
            sqlx::query!(
                "INSERT INTO order_statuses (order_id, status, changed_at) VALUES ($1, $2, $3)",
                order_id,
                to.as_str(),
                at,
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!("UPDATE orders SET status = $2 WHERE order_id = $1", order_id, to.as_str())
                .execute(&mut *tx)
                .await?;
            let address = format!("/internal/orders/{order_id}/status");
            outbox::write::<Shop>(&mut tx, &address, &Change { to, at }).await?;
            tx.commit().await?;
            Ok::<_, CrmError>(())
        })
        .await?;
    crm.outbox.wake();
    Ok(())
}
