//! Statuses of production, told by CRM.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::errors::ApiError;
use crate::{Shop, ids};

/// Where production stands with an order.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Delivered,
    InProduction,
    Packed,
    Polishing,
}

impl Status {
    /// The word in messages and columns.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::InProduction => "in_production",
            Self::Packed => "packed",
            Self::Polishing => "polishing",
        }
    }

    /// The stage that takes this status in.
    fn stage(self) -> &'static str {
        match self {
            Self::Delivered => "status.delivered.shop",
            Self::InProduction => "status.in_production.shop",
            Self::Packed => "status.packed.shop",
            Self::Polishing => "status.polishing.shop",
        }
    }
}

/// A change of status; order, status and time together are its identity.
#[derive(Deserialize)]
pub(crate) struct Change {
    to: Status,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// `POST /internal/orders/{order}/status`: CRM tells until it is heard, so the same change may come twice.
pub(crate) async fn receive(
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
    Json(Change { to, at }): Json<Change>,
) -> Result<StatusCode, ApiError> {
    // It becomes an order of the shop's, and part of addresses.
    if !ids::has_form(&order_id, "ORD") {
        return Err(ApiError::NoOrderId);
    }
    journey::set_order_id(&order_id);
    let mut tx = shop.db.begin().await?;
    // A partner's order reaches the shop by its first status.
    sqlx::query!("INSERT INTO orders (order_id) VALUES ($1) ON CONFLICT DO NOTHING", order_id)
        .execute(&mut *tx)
        .await?;
    let from = sqlx::query_scalar!("SELECT status FROM orders WHERE order_id = $1 FOR UPDATE", order_id)
        .fetch_one(&mut *tx)
        .await?;
    let noted = sqlx::query!(
        "INSERT INTO order_statuses (order_id, status, changed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        order_id,
        to.as_str(),
        at,
    )
    .execute(&mut *tx)
    .await?;
    if noted.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(StatusCode::NO_CONTENT);
    }

    journey::stage(to.stage())
        .status(from.as_deref(), to.as_str())
        .run(async |_| {
            sqlx::query!("UPDATE orders SET status = $2 WHERE order_id = $1", order_id, to.as_str())
                .execute(&mut *tx)
                .await?;
            tx.commit().await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each status as CRM writes it, and a word that is none.
    /// Guarantees: word, column and stage agree; an unknown word is refused.
    #[test]
    fn words_agree() {
        for word in ["in_production", "polishing", "packed", "delivered"] {
            let status: Status = serde_json::from_value(word.into()).expect("a status of the wire");
            assert_eq!(status.as_str(), word);
            assert_eq!(status.stage(), format!("status.{word}.shop"));
        }
        assert!(serde_json::from_value::<Status>("melted".into()).is_err());
    }
}
