//! The three services' HTTP routes, as a customer, a partner and a worker call them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    time::{Instant, sleep},
};

/// Base URLs of the services.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) shop: String,
    pub(crate) crm: String,
    /// For partners.
    pub(crate) mes: String,
    /// For the workshop.
    pub(crate) mes_internal: String,
}

/// A caller of all three services; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    urls: Arc<Urls>,
    /// Held for reading by each call of MES. Whoever stops MES holds it for writing, so that no call is cut off between
    /// its effect and its answer: nobody could tell then whether to repeat it.
    mes_calls: Arc<RwLock<()>>,
    /// How long a call that fails is repeated.
    retry_for: Duration,
}

/// An order as CRM knows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    /// `new`, then `priced` or `failed`, `accepted`, then the last status.
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
        Ok(Self { client, urls: Arc::new(urls), mes_calls: Arc::default(), retry_for: Duration::ZERO })
    }

    /// The same caller with the patience of people whose shop, database or network is broken for a while.
    pub(crate) fn patient(&self) -> Self {
        Self { retry_for: OUTAGE_MAX, ..self.clone() }
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
        Ok(self.answer::<Cart>(request).await?.cart_id)
    }

    pub(crate) async fn upload(&self, cart: &str, material: &str, stl: Vec<u8>) -> Result<()> {
        let url = format!("{}/carts/{cart}/model?material={material}", self.urls.shop);
        self.accepted(self.client.post(url).body(stl)).await
    }

    /// Orders what is in the cart; the id of the order.
    pub(crate) async fn order(&self, cart: &str) -> Result<String> {
        let request = self.client.post(format!("{}/carts/{cart}/order", self.urls.shop));
        self.answer::<OrderId>(request).await?.order_id.context("the shop gave no order_id")
    }

    pub(crate) async fn see_confirmation(&self, order: &str) -> Result<()> {
        self.accepted(self.client.get(format!("{}/orders/{order}/confirmation", self.urls.shop))).await
    }

    pub(crate) async fn accept_in_shop(&self, order: &str) -> Result<()> {
        self.accepted(self.client.post(format!("{}/orders/{order}/accept", self.urls.shop))).await
    }

    /// The status of the shop's own copy.
    pub(crate) async fn shop_status(&self, order: &str) -> Result<Option<String>> {
        let request = self.client.get(format!("{}/orders/{order}", self.urls.shop));
        Ok(self.found::<Status>(request).await?.and_then(|copy| copy.status))
    }

    // === CRM ===

    pub(crate) async fn crm_order(&self, order: &str) -> Result<Order> {
        self.answer(self.client.get(format!("{}/orders/{order}", self.urls.crm))).await
    }

    /// A partner accepts by telephone.
    pub(crate) async fn accept_in_crm(&self, order: &str) -> Result<()> {
        self.accepted(self.client.post(format!("{}/orders/{order}/accept", self.urls.crm))).await
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
        Ok(self.answer::<Production>(self.client.post(url).body(stl)).await?.production_id)
    }

    /// The order that CRM created for a partner's request, once it has.
    pub(crate) async fn order_of(&self, production: &str) -> Result<Option<String>> {
        let _calling = self.mes_calls.read().await;
        let request = self.client.get(format!("{}/price-requests/{production}", self.urls.mes));
        Ok(self.found::<OrderId>(request).await?.and_then(|found| found.order_id))
    }

    /// Whether the order was taken into production.
    pub(crate) async fn is_in_production(&self, order: &str) -> Result<bool> {
        let _calling = self.mes_calls.read().await;
        let request = self.client.get(format!("{}/productions/{order}", self.urls.mes_internal));
        Ok(self.found::<serde_json::Value>(request).await?.is_some())
    }

    /// Reports a status. A call that failed may have had its effect, so the status is asked for before it is repeated.
    pub(crate) async fn set_status(&self, order: &str, to: &str) -> Result<()> {
        let url = format!("{}/productions/{order}", self.urls.mes_internal);
        let post = || self.client.post(format!("{url}/status")).json(&json!({ "to": to }));
        let deadline = Instant::now() + self.retry_for;
        loop {
            let calling = self.mes_calls.read().await;
            let Err(error) = accepted(once(post()).await) else { return Ok(()) };
            drop(calling);
            if Instant::now() >= deadline {
                return Err(error);
            }
            sleep(RETRY_AFTER).await;
            if self
                .found::<Status>(self.client.get(&url))
                .await?
                .is_some_and(|now| now.status.as_deref() == Some(to))
            {
                return Ok(());
            }
        }
    }

    /// Has MES break an order in its own way: `hang` or `slow`, the latter for so many seconds.
    pub(crate) async fn inject(&self, order: &str, kind: &str, seconds: u64) -> Result<()> {
        let _calling = self.mes_calls.read().await;
        let body = json!({ "order": order, "kind": kind, "seconds": seconds });
        self.accepted(self.client.post(format!("{}/faults", self.urls.mes_internal)).json(&body)).await
    }

    // === calls ===

    /// The answer of a call that must succeed.
    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        self.found(request).await?.context("the service answers 404")
    }

    /// The answer, `None` for 404.
    async fn found<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Option<T>> {
        match self.send(request).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (_, body) => Ok(Some(serde_json::from_slice(&body).context("an answer of another form")?)),
        }
    }

    /// A call that must succeed and whose answer does not matter.
    async fn accepted(&self, request: RequestBuilder) -> Result<()> {
        accepted(self.send(request).await)
    }

    /// Sends a request that may be repeated.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>)> {
        let deadline = Instant::now() + self.retry_for;
        loop {
            let attempt = request.try_clone().context("a request with a body in memory can be repeated")?;
            match once(attempt).await {
                Err(_) if Instant::now() < deadline => sleep(RETRY_AFTER).await,
                outcome => return outcome,
            }
        }
    }
}

/// The last status of a production, or of the shop's copy of an order.
#[derive(Debug, Deserialize)]
struct Status {
    status: Option<String>,
}

fn accepted(outcome: Result<(StatusCode, Vec<u8>)>) -> Result<()> {
    match outcome? {
        (StatusCode::NOT_FOUND, _) => bail!("the service answers 404"),
        _ => Ok(()),
    }
}

/// One attempt. A 404 is an answer, everything else but success is an error.
async fn once(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>)> {
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
/// How long patient people try.
const OUTAGE_MAX: Duration = Duration::from_secs(300);
const RETRY_AFTER: Duration = Duration::from_secs(1);
