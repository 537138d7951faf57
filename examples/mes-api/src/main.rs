//! `mes-api`: manufacturing.
//!
//! MES calculates prices from 3D models, takes orders into production and tells each change of status. Partners send
//! price requests directly.
//!
//! | comes in by | stages | goes out as |
//! |---|---|---|
//! | `POST /price-requests?material=silver&partner=x`, body: an STL file | `price_request` | `price.external` |
//! | queue `mes.price_calculations` (`price.requested`) | | a row in `jobs` |
//! | table `jobs` | `price.load_model`, `price.simplify_model`, `price.estimate`, `price.final` | `price.calculated` |
//! | queue `mes.productions` (`production.requested`) | `production_take` | |
//! | `POST /productions/{order}/status` `{to}` | `status.<to>.mes` | `status.changed` |
//! | `GET /price-requests/{production}`, `GET /productions/{order}`, `GET /jobs`, `GET /healthz` | | |
//!
//! A calculation takes minutes. So its message is acknowledged once the job is in the table, and workers take jobs from
//! there, under a lease. A job whose process died is taken again after its lease, and goes on at the first stage that
//! was not finished.
//!
//! Environment: `LISTEN` (address and port), `DATABASE_URL` (MES's own database), `AMQP_URL`, `FILES_DIR` (the folder of
//! uploaded models, shared with the shop), `MES_WORKERS` (default 4), `MES_LEASE` (default `30s`), `MES_FAULTS` (`on`:
//! `POST /faults` breaks calculations, for demonstrations).

mod broker;
mod calculation;
mod checkpoints;
mod config;
mod consumer;
mod database;
mod errors;
mod faults;
mod files;
mod ids;
mod inbox;
mod job_list;
mod jobs;
mod outbox;
mod price_requests;
mod pricing;
mod productions;
mod status;
mod worker;

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use journey::tower::JourneyLayer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::faults::Faults;
use crate::files::Files;
use crate::jobs::Jobs;
use crate::outbox::Outbox;
use crate::worker::Workers;

/// How long a calculation in the midst of a stage may hold up the end of the process. Its checkpoint is not lost.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What handlers, consumers and workers share.
#[derive(Clone)]
pub(crate) struct Mes {
    pub(crate) db: journey::sqlx::PgPool,
    pub(crate) outbox: Outbox,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
    pub(crate) faults: Faults,
}

fn main() -> anyhow::Result<()> {
    let _journey = journey::init!("mes-api")?;
    let config = Config::from_env()?;
    // Made by hand because `#[tokio::main]` would wait at the end for every calculation, and one may hang.
    let runtime = Runtime::new()?;
    let served = runtime.block_on(serve(config));
    runtime.shutdown_timeout(STOP_WITHIN);
    served
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let db = database::open(&config.database_url).await?;
    let mes = Mes {
        outbox: Outbox::new(db.clone()),
        jobs: Jobs::new(db.clone(), config.lease),
        files: Files::open(&config.files_dir).await?,
        faults: Faults::default(),
        db,
    };
    journey::spawn(consumer::run(mes.clone(), config.amqp_url.clone()));
    journey::spawn(broker::forward(mes.outbox.clone(), config.amqp_url));
    journey::spawn(inbox::keep_short(mes.db.clone()));
    let workers = Workers::start(&mes, config.workers);

    let listener = TcpListener::bind(&config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "mes-api serves");
    axum::serve(listener, app(mes.clone(), config.faults))
        .with_graceful_shutdown(journey::shutdown_signal())
        .await?;
    workers.stop().await;
    mes.jobs.give_back().await?;
    Ok(())
}

fn app(mes: Mes, faults: bool) -> Router {
    // Partners come from outside: ids and trace context that they send are not believed.
    let partners = Router::new()
        .route("/price-requests", post(price_requests::create))
        .route("/price-requests/{production}", get(price_requests::show))
        .layer(JourneyLayer::public());
    let mut colleagues = Router::new()
        .route("/jobs", get(job_list::show))
        .route("/productions/{order}", get(productions::show))
        .route("/productions/{order}/status", post(productions::change_status));
    if faults {
        colleagues = colleagues.route("/faults", post(faults::inject));
    }
    partners
        .merge(colleagues.layer(JourneyLayer::new()))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(mes)
}
