//! The choices for a pool.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use sqlx_postgres::PgPool as RawPool;

use crate::hashed::Hashed;
use crate::server::Server;
use crate::settings::{QueryText, Settings};
use crate::{PgPool, Query};

/// Makes a [`PgPool`] of sqlx's, with choices about its spans and metrics.
///
/// ```no_run
/// use std::time::Duration;
///
/// use journey_sqlx::{PgPool, QueryText};
/// use opentelemetry::KeyValue;
/// use sqlx::postgres::PgPoolOptions;
///
/// # async fn start() -> Result<(), sqlx::Error> {
/// let raw = PgPoolOptions::new().max_connections(20).connect("postgres://mes@db/shop").await?;
/// let pool: PgPool = PgPool::builder()
///     .name("mes")
///     .schema("mes")
///     .query_text(QueryText::Auto)
///     .rows(true)
///     .filter(|query| query.summary() != "SELECT job_queue")
///     .enrich(|query, attributes| {
///         if query.summary().contains("prices") {
///             attributes.push(KeyValue::new("team", "pricing"));
///         }
///     })
///     .acquire_span_threshold(Duration::from_millis(5))
///     .wrap(raw);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "it does nothing before `wrap`"]
pub struct Builder {
    name: Option<Hashed>,
    schema: Option<String>,
    settings: Settings,
}

impl Builder {
    /// Name of the pool in metrics, unique in the service. By default `host:port/database`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into().into());
        self
    }

    /// The schema that connections begin with: `db.namespace` is then `database|schema`.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Which text `db.query.text` shows. By default [`QueryText::Sanitized`].
    pub fn query_text(mut self, query_text: QueryText) -> Self {
        self.settings.query_text = query_text;
        self
    }

    /// Whether numbers of rows are shown: `db.response.returned_rows` of the conventions, which have it off by
    /// default too, `journey.db.affected_rows`, and the metric `db.client.response.returned_rows`.
    pub fn rows(mut self, shown: bool) -> Self {
        self.settings.has_rows = shown;
        self
    }

    /// Leaves calls without a span that took less than this and did not fail. Metrics count them all the same.
    /// By default all have one.
    ///
    /// The spans of such a pool are made when the call has ended; so nothing can be their child, and a link to a
    /// cancelled query of this pool is not possible.
    pub fn min_duration(mut self, least: Duration) -> Self {
        self.settings.min_duration = least;
        self
    }

    /// A wait for a connection that took at least this has a span `db.pool.acquire` of its own. By default
    /// [`ACQUIRE_SPAN_THRESHOLD`](crate::limits::ACQUIRE_SPAN_THRESHOLD).
    pub fn acquire_span_threshold(mut self, threshold: Duration) -> Self {
        self.settings.acquire_span_threshold = threshold;
        self
    }

    /// Calls for which this says false have no span, such as the polling of a job table. Metrics count them all
    /// the same. Called before each call that might be recorded.
    pub fn filter(mut self, is_wanted: impl Fn(&Query<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.settings.filter = Some(Box::new(is_wanted));
        self
    }

    /// Adds attributes of the service's own. Called at the start of each span that is recorded.
    pub fn enrich(mut self, add: impl Fn(&Query<'_>, &mut Vec<KeyValue>) + Send + Sync + 'static) -> Self {
        self.settings.enrich = Some(Box::new(add));
        self
    }

    /// Names spans otherwise than by their summary, which the conventions ask for. The name must be of low
    /// cardinality; `None` leaves it.
    pub fn span_name(
        mut self,
        name: impl Fn(&Query<'_>) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.span_name = Some(Box::new(name));
        self
    }

    /// The pool with these choices. Host, port and database of the spans are those that it has now.
    pub fn wrap(self, raw: RawPool) -> PgPool {
        let server = Server::of_pool(&raw, self.name, self.schema.as_deref(), self.settings);
        PgPool::new(raw, server)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
