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
//! | `POST /orders/{id}/accept` | `price_accept` | `production.requested` |
//! | queue `crm.statuses` (`status.changed`) | `status.<to>.crm` | HTTP to the shop |
//! | `GET /orders/{id}`, `GET /healthz` | | |
//!
//! Whatever goes out passes through the table `outbox`, whatever comes in by a queue through the table `inbox`. Without
//! broker or shop CRM serves on; messages wait in the outbox and leave in their order afterwards.
//!
//! Environment: `LISTEN` (address and port), `DATABASE_URL` (CRM's own database), `AMQP_URL`, `SHOP_URL`.

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
mod shop;
mod status;
mod statuses;

use axum::Router;
use axum::routing::{get, post};
use journey::tower::JourneyLayer;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::outbox::Outbox;
use crate::shop::Shop;

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
    let db = database::open(&config.database_url).await?;
    let crm = Crm { outbox: Outbox::new(db.clone()), db };

    journey::spawn(consumer::run(crm.clone(), config.amqp_url.clone()));
    journey::spawn(broker::forward(crm.outbox.clone(), config.amqp_url));
    journey::spawn(inbox::keep_short(crm.db.clone()));
    journey::spawn(shop::forward(crm.outbox.clone(), Shop::new(&config.shop_url)?));

    let listener = TcpListener::bind(&config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "crm-api serves");
    axum::serve(listener, app(crm)).with_graceful_shutdown(journey::shutdown_signal()).await?;
    Ok(())
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
