//! A pool, a request around the test, and the spans of its trace.

use std::time::Duration;

use journey::sqlx::PgPool;
use journey_testkit::env_url;
use journey_trace::{ContextExt, JourneyCell, Key, SpanGuard};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceContextExt};
use opentelemetry_sdk::trace::SpanData;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgConnection as RawConnection};
use tokio::time::timeout;

use crate::spans::{assert_conforming, exporter};

/// A pool of at most so many connections, each with a temporary table `orders` of three rows; `None` to skip
/// the test.
pub(crate) async fn pool(connections_max: u32) -> Option<PgPool> {
    raw_pool(connections_max).await.map(PgPool::from)
}

/// The same, of sqlx's type.
pub(crate) async fn raw_pool(connections_max: u32) -> Option<sqlx::PgPool> {
    let url = env_url("JOURNEY_PG_URL")?;
    let options = PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(5))
        .acquire_time_level("debug".parse().expect("it is a level"))
        .after_connect(|connection, _| Box::pin(create_orders(connection)));
    Some(options.connect(&url).await.expect("JOURNEY_PG_URL leads to a server"))
}

async fn create_orders(connection: &mut RawConnection) -> Result<(), sqlx::Error> {
    connection
        .execute(sqlx::raw_sql(
            "CREATE TEMP TABLE orders (id bigint PRIMARY KEY, state text NOT NULL DEFAULT 'new');
             INSERT INTO orders SELECT generate_series(1, 3)",
        ))
        .await?;
    Ok(())
}

/// Does the work inside a request of order `ORD-1`, and gives the spans of its trace in the order of their
/// ends, without the request's.
pub(crate) async fn traced(work: impl Future<Output = ()>) -> Spans {
    exporter();
    let cell = JourneyCell::new();
    cell.set(Key::Order, "ORD-1");
    let request =
        SpanGuard::start("request", SpanKind::Server, vec![], vec![], &Context::new().with_cell(cell));
    let context = request.context().clone();
    work.with_context(context.clone()).await;
    request.end();

    let request = context.span().span_context().clone();
    let finished = exporter().get_finished_spans().expect("the exporter is never shut down");
    let spans = finished.into_iter().filter(|span| {
        span.span_context.trace_id() == request.trace_id() && span.span_context.span_id() != request.span_id()
    });
    let spans: Vec<SpanData> = spans.collect();
    assert_conforming(&spans);
    Spans { request: request.span_id(), spans }
}

/// The spans of one request.
pub(crate) struct Spans {
    pub(crate) request: SpanId,
    spans: Vec<SpanData>,
}

impl Spans {
    /// The names of all, without waits for the pool: how long those take depends on the machine.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.spans.iter().map(|span| &*span.name).filter(|name| *name != "db.pool.acquire").collect()
    }

    /// The only span of that name.
    pub(crate) fn named(&self, name: &str) -> &SpanData {
        let found = self.all(name);
        assert_eq!(found.len(), 1, "spans named {name} among {:?}", self.names());
        found[0]
    }

    /// All spans of that name, in the order of their ends.
    pub(crate) fn all(&self, name: &str) -> Vec<&SpanData> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    /// All of them, in the order of their ends.
    pub(crate) fn every(&self) -> &[SpanData] {
        &self.spans
    }

    /// The id of that span.
    pub(crate) fn id(&self, name: &str) -> SpanId {
        self.named(name).span_context.span_id()
    }
}

/// An attribute as text; empty if it is absent.
pub(crate) fn text(span: &SpanData, key: &str) -> String {
    let mut values = span.attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = values.next().map(|attribute| attribute.value.to_string()).unwrap_or_default();
    assert!(values.next().is_none(), "{key} is set once");
    value
}

/// A number of seconds; `None` if it is absent.
pub(crate) fn seconds(span: &SpanData, key: &str) -> Option<f64> {
    text(span, key).parse().ok()
}

pub(crate) fn outcome(span: &SpanData) -> String {
    text(span, "journey.db.outcome")
}

/// Asserts that a span failed with this `error.type`, or did not fail if it is empty.
#[track_caller]
pub(crate) fn assert_error(span: &SpanData, error_type: &str) {
    assert_eq!(text(span, "error.type"), error_type, "{}", span.name);
    assert_eq!(matches!(span.status, Status::Error { .. }), !error_type.is_empty(), "{}", span.name);
    assert_ne!(span.status, Status::Ok, "instrumentation never says Ok");
}

/// The pool works: all of its connections can be had at once, each is in step, and none is in a transaction.
pub(crate) async fn assert_whole(pool: &PgPool) {
    let mut all = vec![];
    for _ in 0..pool.options().get_max_connections() {
        let connection = timeout(Duration::from_secs(10), pool.acquire()).await;
        let mut connection = connection.expect("no place is lost").expect("the server is there");
        let sql = "SELECT count(*) FROM (VALUES (1), (2)) AS two";
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.expect("it is in step");
        assert_eq!(count, 2);
        let outside = (&mut *connection).execute("SAVEPOINT needs_a_transaction").await;
        let outside = outside.expect_err("no transaction is open");
        let code = outside.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        assert_eq!(code.as_deref(), Some("25P01"), "{outside}");
        all.push(connection);
    }
    assert!(pool.try_acquire().is_none(), "there are no more");
}
