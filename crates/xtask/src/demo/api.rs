//! The three services' HTTP routes, as a customer, a partner and a worker call them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

/// Base URLs of the services.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) shop: String,
    pub(crate) crm: String,
    pub(crate) mes: String,
}

/// A caller of all three services; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    urls: Arc<Urls>,
    /// Held for reading by each call of MES. Whoever stops MES holds it for writing, so that no call is cut off between
    /// its effect and its answer: nobody could tell then whether to repeat it.
    mes_calls: Arc<RwLock<()>>,
}

/// An order as CRM knows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    /// `new`, `priced`, `accepted`, then the last status.
    pub(crate) state: String,
    /// The price, once it is formed.
    pub(crate) price: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct OrderId {
    order_id: Option<String>,
}

impl Api {
    pub(crate) fn new(urls: Urls) -> Result<Self> {
        let client = Client::builder().timeout(CALL_TIME_MAX).build()?;
        Ok(Self { client, urls: Arc::new(urls), mes_calls: Arc::default() })
    }

    /// Waits for the running calls of MES and keeps further ones back while the guard lives.
    pub(crate) async fn hold_mes(&self) -> OwnedRwLockWriteGuard<()> {
        self.mes_calls.clone().write_owned().await
    }

    // === the customer ===

    /// A new cart; its id.
    pub(crate) async fn open_cart(&self, user: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Cart {
            cart_id: String,
        }
        let request = self.client.post(format!("{}/carts", self.urls.shop)).json(&json!({ "user": user }));
        Ok(answer::<Cart>(request).await?.cart_id)
    }

    pub(crate) async fn upload(&self, cart: &str, material: &str, stl: Vec<u8>) -> Result<()> {
        let url = format!("{}/carts/{cart}/model?material={material}", self.urls.shop);
        accepted(self.client.post(url).body(stl)).await
    }

    /// Orders what is in the cart; the id of the order.
    pub(crate) async fn order(&self, cart: &str) -> Result<String> {
        let request = self.client.post(format!("{}/carts/{cart}/order", self.urls.shop));
        answer::<OrderId>(request).await?.order_id.context("the shop gave no order_id")
    }

    pub(crate) async fn see_confirmation(&self, order: &str) -> Result<()> {
        accepted(self.client.get(format!("{}/orders/{order}/confirmation", self.urls.shop))).await
    }

    pub(crate) async fn accept_in_shop(&self, order: &str) -> Result<()> {
        accepted(self.client.post(format!("{}/orders/{order}/accept", self.urls.shop))).await
    }

    /// The status of the shop's own copy.
    pub(crate) async fn shop_status(&self, order: &str) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Copy {
            status: Option<String>,
        }
        let request = self.client.get(format!("{}/orders/{order}", self.urls.shop));
        Ok(found::<Copy>(request).await?.and_then(|copy| copy.status))
    }

    // === CRM ===

    pub(crate) async fn crm_order(&self, order: &str) -> Result<Order> {
        answer(self.client.get(format!("{}/orders/{order}", self.urls.crm))).await
    }

    /// A partner accepts by telephone.
    pub(crate) async fn accept_in_crm(&self, order: &str) -> Result<()> {
        accepted(self.client.post(format!("{}/orders/{order}/accept", self.urls.crm))).await
    }

    // === MES ===

    /// A partner's request for a price; the id of the production.
    pub(crate) async fn request_price(&self, material: &str, partner: &str, stl: Vec<u8>) -> Result<String> {
        #[derive(Deserialize)]
        struct Production {
            production_id: String,
        }
        let _calling = self.mes_calls.read().await;
        let url = format!("{}/price-requests?material={material}&partner={partner}", self.urls.mes);
        Ok(answer::<Production>(self.client.post(url).body(stl)).await?.production_id)
    }

    /// The order that CRM created for a partner's request, once it has.
    pub(crate) async fn order_of(&self, production: &str) -> Result<Option<String>> {
        let _calling = self.mes_calls.read().await;
        let request = self.client.get(format!("{}/price-requests/{production}", self.urls.mes));
        Ok(found::<OrderId>(request).await?.and_then(|found| found.order_id))
    }

    /// Whether the order was taken into production.
    pub(crate) async fn is_in_production(&self, order: &str) -> Result<bool> {
        let _calling = self.mes_calls.read().await;
        let request = self.client.get(format!("{}/productions/{order}", self.urls.mes));
        Ok(found::<serde_json::Value>(request).await?.is_some())
    }

    pub(crate) async fn set_status(&self, order: &str, to: &str) -> Result<()> {
        let _calling = self.mes_calls.read().await;
        let url = format!("{}/productions/{order}/status", self.urls.mes);
        accepted(self.client.post(url).json(&json!({ "to": to }))).await
    }

    /// Has MES break an order in its own way: `hang` or `slow`, the latter for so many seconds.
    pub(crate) async fn inject(&self, order: &str, kind: &str, seconds: u64) -> Result<()> {
        let _calling = self.mes_calls.read().await;
        let body = json!({ "order": order, "kind": kind, "seconds": seconds });
        accepted(self.client.post(format!("{}/faults", self.urls.mes)).json(&body)).await
    }
}

/// The answer of a call that must succeed.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    found(request).await?.context("the service answers 404")
}

/// The answer, `None` for 404.
async fn found<T: DeserializeOwned>(request: RequestBuilder) -> Result<Option<T>> {
    match send(request).await? {
        (StatusCode::NOT_FOUND, _) => Ok(None),
        (_, body) => Ok(Some(serde_json::from_slice(&body).context("an answer of another form")?)),
    }
}

/// A call that must succeed and whose answer does not matter.
async fn accepted(request: RequestBuilder) -> Result<()> {
    match send(request).await? {
        (StatusCode::NOT_FOUND, _) => bail!("the service answers 404"),
        _ => Ok(()),
    }
}

async fn send(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>)> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    let body = response.bytes().await?.to_vec();
    if status.is_success() || status == StatusCode::NOT_FOUND {
        return Ok((status, body));
    }
    bail!("{url} answers {status}: {}", String::from_utf8_lossy(&body))
}

/// No call of a healthy system takes so long, not even the upload of a large model.
const CALL_TIME_MAX: Duration = Duration::from_secs(30);
