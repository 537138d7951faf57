//! What a service has chosen for the spans of one pool.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::KeyValue;

use crate::Query;
use crate::limits::ACQUIRE_SPAN_THRESHOLD;

/// Which text `db.query.text` shows, up to [`TEXT_BYTES_MAX`](crate::limits::TEXT_BYTES_MAX).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueryText {
    /// The author's own text if values are bound, as the conventions have it; else [`QueryText::Sanitized`]. Shows
    /// literals that stand beside bound values.
    Auto,
    /// None.
    Off,
    /// Always the author's own text. Only for services that write no value into a text.
    Raw,
    /// Always with `?` for each literal, and without comments.
    #[default]
    Sanitized,
}

pub(crate) type Filter = dyn Fn(&Query<'_>) -> bool + Send + Sync;
pub(crate) type Enrich = dyn Fn(&Query<'_>, &mut Vec<KeyValue>) + Send + Sync;
pub(crate) type SpanName = dyn Fn(&Query<'_>) -> Option<Cow<'static, str>> + Send + Sync;

/// All choices. The default is that of a pool without a builder.
pub(crate) struct Settings {
    pub(crate) query_text: QueryText,
    /// Whether numbers of rows are shown and measured.
    pub(crate) has_rows: bool,
    /// Shorter calls that did not fail have no span. Zero for all.
    pub(crate) min_duration: Duration,
    /// A shorter wait for a connection has no span of its own.
    pub(crate) acquire_span_threshold: Duration,
    pub(crate) filter: Option<Box<Filter>>,
    pub(crate) enrich: Option<Box<Enrich>>,
    pub(crate) span_name: Option<Box<SpanName>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            query_text: QueryText::default(),
            has_rows: false,
            min_duration: Duration::ZERO,
            acquire_span_threshold: ACQUIRE_SPAN_THRESHOLD,
            filter: None,
            enrich: None,
            span_name: None,
        }
    }
}
