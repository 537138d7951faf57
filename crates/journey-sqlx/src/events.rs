//! Spans of queries that reach sqlx's own types: helpers that take `&sqlx::PgPool`, migrations, job queues of others.

use std::sync::Arc;
use std::time::Duration;

use journey_trace::SpanGuard;
use journey_trace::span::Described;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use sqlx_postgres::PgPool as RawPool;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context as LayerContext;
use tracing_subscriber::registry::LookupSpan;

use crate::key::JOURNEY_DB_POOL_WAIT;
use crate::limits::ACQUIRE_SPAN_THRESHOLD;
use crate::metrics::{self, OperationSeries};
use crate::query_event::{AcquireEvent, QueryEvent};
use crate::seen::Seen;
use crate::server::Server;
use crate::settings::Settings;
use crate::target::Target;
use crate::within::is_within;

/// A layer of `tracing-subscriber` that makes a span of each event that sqlx emits when a query has ended, or when a
/// connection was waited for. A safety net: calls on our own types have their spans already and are passed over.
///
/// The span begins in the past, and its parent is what is current then. It knows neither errors nor how the query
/// ended, and there is none for `BEGIN`: sqlx does not tell. Queries are measured like others.
///
/// sqlx emits queries at DEBUG, and waits only if the pool's `acquire_time_level` is set or the wait was slow.
///
/// ```
/// use journey_sqlx::SqlxEventsLayer;
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry()
///     .with(SqlxEventsLayer::new().with_filter(SqlxEventsLayer::filter()));
/// # let _ = subscriber;
/// ```
#[derive(Clone)]
pub struct SqlxEventsLayer {
    server: Arc<Server>,
}

impl SqlxEventsLayer {
    /// For pools of which nothing is known: spans tell neither server nor database.
    pub fn new() -> Self {
        Self { server: Arc::new(Server::new(Target::unknown(), Settings::default())) }
    }

    /// For a service whose queries all go to the database of this pool.
    pub fn for_pool(pool: &RawPool) -> Self {
        Self { server: Server::of(&pool.connect_options()) }
    }

    /// Whether numbers of rows are shown, as by [`Builder::rows`](crate::Builder::rows).
    pub fn rows(self, shown: bool) -> Self {
        let target = Arc::clone(&self.server.target);
        let settings = Settings { has_rows: shown, ..Settings::default() };
        Self { server: Arc::new(Server::new(target, settings)) }
    }

    /// Lets through what the layer needs, whatever other layers show.
    pub fn filter() -> Targets {
        Targets::new().with_target(QUERY, Level::DEBUG).with_target(ACQUIRE, Level::DEBUG)
    }

    fn query(&self, event: &Event<'_>) {
        let told = QueryEvent::read(event);
        let statement = self.server.statement(told.text());
        let has_rows = self.server.settings.has_rows;
        if journey_trace::metrics::is_installed() {
            let series = OperationSeries {
                target: &self.server.target,
                summary: &statement.summary,
                error_type: None,
                is_sqlstate: false,
            };
            metrics::operation(&series, told.elapsed, has_rows.then_some(told.rows_returned));
        }
        let mut span = SpanGuard::start_past(told.elapsed, SpanKind::Client, &Context::current(), || {
            self.server.describe(&statement, false)
        });
        let seen = Seen { rows: told.rows_returned, affected: Some(told.rows_affected), ..Seen::default() };
        seen.record(&span, has_rows);
        span.set_duration(told.elapsed);
    }
}

impl Default for SqlxEventsLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SqlxEventsLayer {
    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        let target = event.metadata().target();
        if (target != QUERY && target != ACQUIRE) || is_within() || has_own_span(event, &context) {
            return;
        }
        if target == QUERY {
            self.query(event);
        } else {
            acquire(AcquireEvent::read(event).waited);
        }
    }
}

impl std::fmt::Debug for SqlxEventsLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlxEventsLayer").finish_non_exhaustive()
    }
}

/// Whether this is a span of sqlx's own for a query that has ours already.
///
/// sqlx 0.9.0 has none; transact-rs/sqlx#4270 adds one. For the filter of a bridge from `tracing`, by
/// `dynamic_filter_fn(|metadata, _| !is_duplicate(metadata))`.
pub fn is_duplicate(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && is_of_sqlx(metadata) && is_within()
}

/// Whether the event lies in a span that sqlx made for the query itself.
fn has_own_span<S: Subscriber + for<'a> LookupSpan<'a>>(
    event: &Event<'_>,
    context: &LayerContext<'_, S>,
) -> bool {
    let mut scope = context.event_scope(event).into_iter().flatten();
    scope.any(|span| is_of_sqlx(span.metadata()) && span.name() == "db.query")
}

fn is_of_sqlx(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("sqlx")
}

fn acquire(waited: Duration) {
    if waited < ACQUIRE_SPAN_THRESHOLD {
        return;
    }
    let wait = || KeyValue::new(JOURNEY_DB_POOL_WAIT, waited.as_secs_f64());
    let mut span = SpanGuard::start_past(waited, SpanKind::Internal, &Context::current(), || Described {
        attributes: vec![wait()],
        ..Described::named("db.pool.acquire")
    });
    span.set_duration(waited);
}

/// Targets of sqlx's events.
const QUERY: &str = "sqlx::query";
const ACQUIRE: &str = "sqlx::pool::acquire";
