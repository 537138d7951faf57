//! What does a call to PostgreSQL cost the client?
//!
//! The call is the same for all: one row by its primary key, from a pool with one connection, inside of a request of an
//! order that the caller of this service has sampled or not.

use std::env;
use std::rc::Rc;
use std::time::Duration;

use journey::sqlx::PgPool;
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgExecutor};
use tokio::runtime::Runtime;

use crate::case::{Case, Cases, Clock};
use crate::ours::{self, Ours};
use crate::peers::Telemetry;

/// By the name `query/{parent}`, the time of the client's thread; by `process/{parent}`, that of the whole client, whose
/// spans are exported meanwhile. Each is compared to sqlx's own pool, on the same connection.
pub fn cases() -> Cases {
    let case = |side: &str, name: &str, clock: Clock, telemetry: Telemetry| {
        let set_up = move || Case { clock, ..calls(telemetry) };
        (format!("{side}/{name}"), Box::new(set_up) as Box<dyn FnOnce() -> Case>)
    };
    let queries = PARENTS.map(|(name, telemetry)| case("query", name, Clock::Thread, telemetry));
    // Without metrics: they would be exported after each burst, where a service exports them once a minute.
    let processes = PARENTS.iter().filter(|(_, telemetry)| !telemetry.metrics);
    let processes = processes.map(|&(name, telemetry)| case("process", name, Clock::Process, telemetry));
    queries.into_iter().chain(processes).collect()
}

const PARENTS: [(&str, Telemetry); 4] = [
    ("sampled", ours::telemetry(true, false)),
    ("unsampled", ours::telemetry(false, false)),
    ("sampled_metrics", ours::telemetry(true, true)),
    ("unsampled_metrics", ours::telemetry(false, true)),
];

fn calls(telemetry: Telemetry) -> Case {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let runtime = Rc::new(runtime);
    let request = ours::request(telemetry.spans == Some(1));
    let ours = Ours::start(telemetry);
    let raw = runtime.block_on(pool());
    // A busy machine may let the pool wait, and that would be a span more.
    let pool = PgPool::builder().acquire_span_threshold(Duration::MAX).wrap(raw.clone());
    let base = in_request(&runtime, &request, async move |id| query(&raw, id).await);
    let operation = in_request(&runtime, &request, async move |id| query(&pool, id).await);
    Case { base: Some(Box::new(base)), per_call: PER_CALL, ..ours.case(operation) }
}

/// The operation, several times within one request: to enter a runtime is no part of a call.
fn in_request(
    runtime: &Rc<Runtime>,
    request: &Context,
    query: impl AsyncFn(i64) + 'static,
) -> impl FnMut() + 'static {
    let (runtime, request) = (Rc::clone(runtime), request.clone());
    move || {
        let all = async {
            for id in 1..=PER_CALL {
                query(id.cast_signed()).await;
            }
        };
        runtime.block_on(all.with_context(request.clone()));
    }
}

async fn query(pool: impl PgExecutor<'_>, id: i64) {
    let row: (String, String) = sqlx::query_as("SELECT customer, state FROM orders WHERE id = $1")
        .bind(id)
        .fetch_one(pool)
        .await
        .expect("the order is there");
    assert_eq!(row.1, "new");
}

/// One connection with its own table, which goes with it.
async fn pool() -> sqlx::PgPool {
    let url = env::var(URL).expect("the driver says where the server is");
    let options = PgPoolOptions::new().max_connections(1).after_connect(|connection, _| {
        Box::pin(async { connection.execute(sqlx::raw_sql(ORDERS)).await.map(drop) })
    });
    options.connect(&url).await.expect("the server is there")
}

const URL: &str = "JOURNEY_PG_URL";
const ORDERS: &str = "CREATE TEMP TABLE orders (
        id bigint PRIMARY KEY, customer text NOT NULL, state text NOT NULL DEFAULT 'new');
    INSERT INTO orders SELECT number, 'customer ' || number FROM generate_series(1, 1000) number;
    ANALYZE orders";
/// Queries of one request.
const PER_CALL: u64 = 64;
