//! What a query may allocate beside sqlx's own: a gate that counts, and takes no time.
//!
//! A test binary of its own, because the allocator that counts is one for the whole process. It counts on the one thread
//! of the runtime; what the export thread does is no cost of the query. Everything is on: init with an exporter, the
//! journey's cell, metrics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use journey::sqlx::PgPool;
use journey_testkit::collector::Collector;
use journey_testkit::env_url;
use journey_trace::{ContextExt, JourneyCell, Key};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use sqlx::PgExecutor;
use sqlx::postgres::PgPoolOptions;
use tokio::runtime::Runtime;

/// Scenario: a query by primary key, a change and a list, on our pool and on sqlx's, inside a request of an order that
/// is recorded, and inside one that is not.
/// Guarantees: our pool allocates at most as often more as written here; less than sqlx's where it goes around boxes of
/// the driver's.
#[test]
fn queries() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let collector = Collector::start().unwrap();
    let endpoint = collector.url();
    let journey = journey::builder("allocations")
        .environment([("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_METRICS_EXPORTER", "otlp")])
        .init()
        .unwrap();
    let raw = runtime.block_on(PgPoolOptions::new().max_connections(1).connect(&url)).unwrap();
    let ours = PgPool::from(raw.clone());
    for (name, flags, at_most) in
        [("sampled", TraceFlags::SAMPLED, [4, 1, 1]), ("unsampled", TraceFlags::NOT_SAMPLED, [0, -3, -3])]
    {
        let request = request(flags);
        let bare = CALLS.map(|call| median(&runtime, &request, || call.run(&raw)));
        let before = journey.flush(PATIENCE).spans_delivered;
        let traced = CALLS.map(|call| median(&runtime, &request, || call.run(&ours)));
        let sent = journey.flush(PATIENCE).spans_delivered - before;
        // What records nothing costs little.
        let recorded = if flags.is_sampled() { CALLS.len() * RUNS } else { 0 };
        assert_eq!(sent, recorded as u64, "{name}: spans");
        for (at, call) in CALLS.iter().enumerate() {
            let over = traced[at] - bare[at];
            assert!(over <= at_most[at], "{name} {call:?}: {over} allocations, at most {}", at_most[at]);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Call {
    ByKey,
    Change,
    List,
}

impl Call {
    async fn run(self, pool: impl PgExecutor<'_>) {
        match self {
            Call::ByKey => {
                let query = sqlx::query("SELECT oid, typname FROM pg_type WHERE oid = $1").bind(16_i32);
                query.fetch_one(pool).await.unwrap();
            }
            Call::Change => {
                sqlx::query("SET application_name = 'allocations'").execute(pool).await.unwrap();
            }
            Call::List => {
                let rows = sqlx::query("SELECT oid FROM pg_type LIMIT 10").fetch_all(pool).await.unwrap();
                assert_eq!(rows.len(), 10);
            }
        }
    }
}

/// Allocations of a call on this thread. The middle of many runs: now and then a queue grows.
fn median<F: Future<Output = ()>>(runtime: &Runtime, request: &Context, call: impl Fn() -> F) -> i64 {
    let count = || {
        let work = || runtime.block_on(call().with_context(request.clone()));
        i64::try_from(allocation_counter::measure(work).count_total).unwrap()
    };
    // What is made once per statement or series is no cost of a call.
    let mut counts: Vec<i64> = (0..RUNS).map(|_| count()).skip(WARM_UP).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

/// What is current in a handler that knows its order.
fn request(flags: TraceFlags) -> Context {
    let cell = JourneyCell::new();
    cell.set(Key::Order, "ORD-000123");
    let (trace, span) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([9; 8]));
    let parent = SpanContext::new(trace, span, flags, true, TraceState::default());
    Context::new().with_cell(cell).with_remote_span_context(parent)
}

const CALLS: [Call; 3] = [Call::ByKey, Call::Change, Call::List];
const PATIENCE: Duration = Duration::from_secs(10);
const WARM_UP: usize = 64;
const RUNS: usize = 165;
