//! The way to the shop: HTTP, with the same outbox before it as the broker has.

use std::time::Duration;

use anyhow::bail;
use journey::Stop;
use reqwest::{StatusCode, Url};
use reqwest_middleware::ClientWithMiddleware;
use tokio::time::sleep;

use crate::outbox::{Outbox, Outgoing};
use crate::transport::{Delivery, Transport};

/// How long the shop may take for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pause after the shop could not be reached.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The shop, as CRM sees it.
pub(crate) struct Shop {
    http: ClientWithMiddleware,
    base_url: String,
}

impl Shop {
    /// A client of the shop at `base_url`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub(crate) fn new(base_url: &Url) -> reqwest::Result<Self> {
        let http = journey::reqwest::build(reqwest::Client::builder().timeout(ANSWER_WITHIN))?;
        Ok(Self { http, base_url: base_url.as_str().trim_end_matches('/').to_owned() })
    }
}

impl Transport for Shop {
    const RECEIVER: &'static str = "shop";
    /// About five minutes.
    const TRIES_MAX: i32 = 12;

    async fn deliver(&self, message: &Outgoing) -> anyhow::Result<Delivery> {
        let url = format!("{}{}", self.base_url, message.address);
        let answer = self.http.post(url).json(&message.body).send().await?;
        match answer.status() {
            status if status.is_success() => Ok(Delivery::Confirmed),
            // Nobody's message would be taken now.
            status @ (StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => bail!("the shop: {status}"),
            status if status.is_server_error() => Ok(Delivery::Postponed(status.to_string())),
            status => Ok(Delivery::Refused(status.to_string())),
        }
    }
}

/// Brings the outbox's messages to the shop until the service stops.
pub(crate) async fn forward(outbox: Outbox, shop: Shop, stop: Stop) {
    while let Err(error) = outbox.forward(&shop, &stop).await {
        tracing::warn!(error = %format!("{error:#}"), "messages for the shop wait in the outbox");
        stop.run_until_asked(sleep(RETRY_AFTER)).await;
    }
}
