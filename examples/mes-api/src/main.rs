//! `mes-api`: manufacturing.
//!
//! MES calculates prices from 3D models, takes orders into production and tells each change of status. Partners send
//! price requests directly.
//!
//! | comes in by | stages | goes out as |
//! |---|---|---|
//! | `POST /price-requests?material=silver&partner=x`, body: an STL file | `price_request` | `price.external` |
//! | queue `mes.price_calculations` (`price.requested`) | | a row in `jobs` |
//! | table `jobs` | `price.load_model`, `price.simplify_model`, `price.estimate`, `price.final` | `price.calculated` or `price.failed` |
//! | queue `mes.productions` (`production.requested`) | `production_take` | |
//! | `POST /productions/{order}/status` `{to}` | `status.<to>.mes` | `status.changed` |
//! | `GET /price-requests/{production}`, `GET /productions/{order}`, `GET /jobs`, `GET /healthz` | | |
//!
//! A calculation takes minutes. So its message is acknowledged once the job is in the table, and workers take jobs from
//! there, under a lease. A job whose process died is taken again after its lease, and goes on at the first stage that
//! was not finished.
//!
//! Environment: `LISTEN` (address and port for partners: `/price-requests`), `LISTEN_INTERNAL` (for colleagues: the other
//! routes, not to be reached from outside), `DATABASE_URL` (MES's own database), `AMQP_URL`, `FILES_DIR` (the folder of
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
mod server;
mod status;
#[cfg(test)]
mod test_database;
mod worker;

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use journey::Tasks;
use journey::tower::JourneyLayer;

use crate::broker::Queue;
use crate::config::Config;
use crate::faults::Faults;
use crate::files::Files;
use crate::jobs::Jobs;
use crate::outbox::Outbox;

/// How long consumers, workers and forwarders may hold up the end of the process: each commits what it is at.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What handlers, consumers and workers share.
#[derive(Clone)]
pub(crate) struct Mes {
    pub(crate) db: journey::sqlx::PgPool,
    pub(crate) outbox: Outbox,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
    pub(crate) faults: Faults,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _journey = journey::init!("mes-api")?;
    let config = Config::from_env()?;
    let db = database::open(config.database).await?;
    let mes = Mes {
        outbox: Outbox::new(db.clone()),
        jobs: Jobs::new(db.clone(), config.lease),
        files: Files::open(&config.files_dir).await?,
        faults: Faults::default(),
        db,
    };

    let mut tasks = Tasks::new();
    for queue in Queue::ALL {
        tasks.spawn(|stop| consumer::run(mes.clone(), queue, config.amqp.clone(), stop));
    }
    for _ in 0..config.workers {
        tasks.spawn(|stop| worker::run(mes.clone(), stop));
    }
    tasks.spawn(|stop| broker::forward(mes.outbox.clone(), config.amqp, stop));
    tasks.spawn(|stop| inbox::keep_short(mes.db.clone(), stop));

    let partners = server::serve(&config.listen, partners(mes.clone()));
    let colleagues = server::serve(&config.listen_internal, colleagues(mes.clone(), config.faults));
    let served = tokio::try_join!(partners, colleagues);
    tasks.stop(STOP_WITHIN).await;
    mes.jobs.give_back().await?;
    served.map(drop)
}

/// Partners come from outside: ids and trace context that they send are not believed.
fn partners(mes: Mes) -> Router {
    Router::new()
        .route("/price-requests", post(price_requests::create))
        .route("/price-requests/{production}", get(price_requests::show))
        .layer(JourneyLayer::public())
        .route("/healthz", get(|| async { "ok" }))
        .with_state(mes)
}

fn colleagues(mes: Mes, faults: bool) -> Router {
    let mut routes = Router::new()
        .route("/jobs", get(job_list::show))
        .route("/productions/{order}", get(productions::show))
        .route("/productions/{order}/status", post(productions::change_status));
    if faults {
        routes = routes.route("/faults", post(faults::inject));
    }
    routes.layer(JourneyLayer::new()).with_state(mes)
}
