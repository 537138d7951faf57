//! The client of CRM, which owns orders and prices.

use std::time::Duration;

use axum::http::StatusCode;
use reqwest::{Response, Url};
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// How long CRM may take for an answer before the customer is told to try again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// CRM, as the shop sees it; cheap to clone.
#[derive(Clone)]
pub(crate) struct Crm {
    http: ClientWithMiddleware,
    base_url: Url,
}

/// What CRM needs to create an order.
#[derive(Serialize)]
pub(crate) struct NewOrder<'a> {
    pub(crate) cart_id: &'a str,
    pub(crate) user: &'a str,
    pub(crate) material: &'a str,
    pub(crate) model_url: &'a str,
}

#[derive(Deserialize)]
struct Created {
    order_id: String,
}

/// What the shop shows of an order that it does not keep itself.
#[derive(Deserialize)]
pub(crate) struct CrmOrder {
    pub(crate) state: String,
    pub(crate) price: Option<Value>,
    /// Why there will be no price.
    pub(crate) failure: Option<String>,
}

/// CRM gave no result.
#[derive(Debug, Error)]
pub(crate) enum CrmError {
    #[error("CRM: {reason}")]
    Refused { status: StatusCode, reason: String },
    #[error("CRM does not answer")]
    Unreachable(#[from] reqwest_middleware::Error),
}

impl From<reqwest::Error> for CrmError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.into())
    }
}

impl Crm {
    /// A client of the CRM at `base_url`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub(crate) fn new(base_url: Url) -> reqwest::Result<Self> {
        let http = journey::reqwest::build(reqwest::Client::builder().timeout(ANSWER_WITHIN))?;
        Ok(Self { http, base_url })
    }

    /// Creates the order of a cart and gives its id; the same id again for a cart that was ordered before.
    pub(crate) async fn create_order(&self, order: &NewOrder<'_>) -> Result<String, CrmError> {
        let answer = self.http.post(self.url(&["orders"])).json(order).send().await?;
        Ok(accepted(answer).await?.json::<Created>().await?.order_id)
    }

    pub(crate) async fn order(&self, order_id: &str) -> Result<CrmOrder, CrmError> {
        let answer = self.http.get(self.url(&["orders", order_id])).send().await?;
        Ok(accepted(answer).await?.json().await?)
    }

    pub(crate) async fn accept_price(&self, order_id: &str) -> Result<(), CrmError> {
        let answer = self.http.post(self.url(&["orders", order_id, "accept"])).send().await?;
        accepted(answer).await.map(drop)
    }

    /// An id is one segment, whatever it is made of.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        // The configuration takes HTTP URLs only, and those have paths.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// Passes a good answer on, and turns another into CRM's own words.
async fn accepted(answer: Response) -> Result<Response, CrmError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let reason = answer.json::<Refusal>().await.map_or_else(|_| status.to_string(), |refusal| refusal.error);
    Err(CrmError::Refused { status, reason })
}
