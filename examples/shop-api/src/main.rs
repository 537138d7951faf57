//! `shop-api`: the web shop.
//!
//! A customer fills a cart, uploads a 3D model and orders. CRM owns the order; the shop keeps its own copy, shows the
//! confirmation, passes the acceptance of the price on, and is told each change of status.
//!
//! | route | stage |
//! |---|---|
//! | `POST /carts` `{user}` | |
//! | `POST /carts/{cart}/model?material=gold`, body: an STL file | `model_upload` |
//! | `POST /carts/{cart}/order` | |
//! | `GET /orders/{order}/confirmation` | `order_shown`, the first time |
//! | `GET /orders/{order}` | |
//! | `POST /orders/{order}/accept` | |
//! | `POST /internal/orders/{order}/status` `{to, at}`, from CRM | `status.<to>.shop` |
//! | `GET /healthz` | |
//!
//! Environment: `LISTEN` (address and port for customers), `LISTEN_INTERNAL` (for colleagues: `/internal/...`, not to be
//! reached from outside), `DATABASE_URL` (the shop's own database), `CRM_URL`, `FILES_DIR` (the folder of uploaded models,
//! shared with MES).

mod carts;
mod config;
mod crm;
mod database;
mod errors;
mod files;
mod ids;
mod material;
mod orders;
mod server;
mod status;
mod stl_head;

use axum::Router;
use axum::routing::{get, post};
use journey::tower::JourneyLayer;

use crate::config::Config;
use crate::crm::Crm;
use crate::files::Files;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) db: journey::sqlx::PgPool,
    pub(crate) crm: Crm,
    pub(crate) files: Files,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _journey = journey::init!("shop-api")?;
    let config = Config::from_env()?;
    let shop = Shop {
        db: database::open(config.database).await?,
        crm: Crm::new(config.crm_url)?,
        files: Files::open(&config.files_dir).await?,
    };
    let customers = server::serve(&config.listen, customers(shop.clone()));
    let colleagues = server::serve(&config.listen_internal, colleagues(shop));
    tokio::try_join!(customers, colleagues)?;
    Ok(())
}

/// Customers come from the open internet: ids and trace context that they send are not believed.
fn customers(shop: Shop) -> Router {
    Router::new()
        .route("/carts", post(carts::open))
        .route("/carts/{cart}/model", post(carts::upload_model))
        .route("/carts/{cart}/order", post(orders::create))
        .route("/orders/{order}", get(orders::show))
        .route("/orders/{order}/confirmation", get(orders::confirmation))
        .route("/orders/{order}/accept", post(orders::accept))
        .layer(JourneyLayer::public())
        .route("/healthz", get(|| async { "ok" }))
        .with_state(shop)
}

fn colleagues(shop: Shop) -> Router {
    Router::new()
        .route("/internal/orders/{order}/status", post(status::receive))
        .layer(JourneyLayer::new())
        .with_state(shop)
}
