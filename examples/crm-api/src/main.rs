//! `crm-api`: customers and orders.
//!
//! CRM owns the order: it creates it, has MES calculate the price, forms the price, takes the customer's acceptance, has
//! MES produce, and passes each change of status on to the shop.
//!
//! | comes in by | stage | goes out as |
//! |---|---|---|
//! | `POST /orders` | `order_create` | `price.requested` |
//! | queue `crm.price_requests` (`price.external`: partners' orders) | `order_create` | `price.requested` |
//! | queue `crm.prices` (`price.calculated`) | `price_form` | |
//! | queue `crm.price_failures` (`price.failed`) | | |
//! | `POST /orders/{id}/accept` | `price_accept` | `production.requested` |
//! | queue `crm.statuses` (`status.changed`) | `status.<to>.crm` | HTTP to the shop |
//! | `GET /orders/{id}`, `GET /healthz` | | |
//!
//! Whatever goes out passes through the table `outbox`, whatever comes in by a queue through the table `inbox`. Without
//! broker or shop CRM serves on; messages wait in the outbox and leave in their order afterwards.
//!
//! Only colleagues call CRM: there is no route for the outside.
//!
//! Environment: `LISTEN` (address and port), `DATABASE_URL` (CRM's own database), `AMQP_URL`, `SHOP_URL` (where the shop
//! listens to colleagues).

mod broker;
mod config;
mod consumer;
mod database;
mod errors;
mod external;
mod ids;
mod inbox;
mod orders;
mod outbox;
mod prices;
mod server;
mod shop;
mod status;
mod statuses;
#[cfg(test)]
mod test_database;
mod transport;

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use journey::Tasks;
use journey::tower::JourneyLayer;

use crate::broker::Queue;
use crate::config::Config;
use crate::outbox::Outbox;
use crate::shop::Shop;

/// How long consumers and forwarders may hold up the end of the process: each finishes the message at hand.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What handlers and consumers share.
#[derive(Clone)]
pub(crate) struct Crm {
    pub(crate) db: journey::sqlx::PgPool,
    pub(crate) outbox: Outbox,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _journey = journey::init!("crm-api")?;
    let config = Config::from_env()?;
    let db = database::open(config.database).await?;
    let crm = Crm { outbox: Outbox::new(db.clone()), db };
    let shop = Shop::new(&config.shop_url)?;

    let mut tasks = Tasks::new();
    for queue in Queue::ALL {
        tasks.spawn(|stop| consumer::run(crm.clone(), queue, config.amqp.clone(), stop));
    }
    tasks.spawn(|stop| broker::forward(crm.outbox.clone(), config.amqp, stop));
    tasks.spawn(|stop| shop::forward(crm.outbox.clone(), shop, stop));
    tasks.spawn(|stop| inbox::keep_short(crm.db.clone(), stop));

    let served = server::serve(&config.listen, app(crm)).await;
    tasks.stop(STOP_WITHIN).await;
    served
}

fn app(crm: Crm) -> Router {
    Router::new()
        .route("/orders", post(orders::create))
        .route("/orders/{order}", get(orders::show))
        .route("/orders/{order}/accept", post(orders::accept))
        .layer(JourneyLayer::new())
        .route("/healthz", get(|| async { "ok" }))
        .with_state(crm)
}
