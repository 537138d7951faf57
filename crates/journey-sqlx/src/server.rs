//! What all connections of a pool share, or what a single connection has for itself.

use std::borrow::Cow;
use std::sync::Arc;

use journey_trace::span::Described;
use opentelemetry::KeyValue;
use sqlx_postgres::{PgConnectOptions, PgPool as RawPool};

use crate::Query;
use crate::hashed::Hashed;
use crate::key::{DB_QUERY_SUMMARY, DB_QUERY_TEXT};
use crate::lender::Lender;
use crate::metrics;
use crate::settings::{QueryText, Settings};
use crate::sql::{Remembered, Statement};
use crate::target::Target;

/// Target, choices, and statements already read.
pub(crate) struct Server {
    pub(crate) target: Arc<Target>,
    pub(crate) settings: Settings,
    /// The pool, if it is one.
    pub(crate) lender: Option<Lender>,
    statements: Remembered,
}

impl Server {
    /// Of a connection that belongs to no pool.
    pub(crate) fn of(options: &PgConnectOptions) -> Arc<Self> {
        Arc::new(Self::new(Target::of(options, None).into(), Settings::default()))
    }

    /// Of a pool, whose state metrics see from now on.
    pub(crate) fn of_pool(
        raw: &RawPool,
        name: Option<Hashed>,
        schema: Option<&str>,
        settings: Settings,
    ) -> Arc<Self> {
        let server = Self::new(Target::of(&raw.connect_options(), schema).into(), settings);
        let name = name.unwrap_or_else(|| server.target.name());
        let server = Arc::new(Self { lender: Some(Lender::new(raw.clone(), name)), ..server });
        metrics::observe_pool(&server);
        server
    }

    pub(crate) fn new(target: Arc<Target>, settings: Settings) -> Self {
        Self { target, settings, lender: None, statements: Remembered::new() }
    }

    /// What a text says, remembered from its last call if it is not rare.
    pub(crate) fn statement(&self, sql: &str) -> Arc<Statement> {
        self.statements.statement(sql)
    }

    /// Name and attributes of the span of a call.
    pub(crate) fn describe(&self, statement: &Statement, has_bound_values: bool) -> Described {
        let query = statement.query(has_bound_values);
        let mut attributes = Vec::with_capacity(ATTRIBUTES_MAX);
        attributes.extend_from_slice(&self.target.attributes);
        if !statement.summary.is_empty() {
            attributes.push(KeyValue::new(DB_QUERY_SUMMARY, Arc::clone(statement.summary.text())));
        }
        let text = match self.settings.query_text {
            QueryText::Off => None,
            QueryText::Auto if has_bound_values => Some(&statement.text),
            QueryText::Raw => Some(&statement.text),
            QueryText::Auto | QueryText::Sanitized => Some(&statement.sanitised),
        };
        let text = text.filter(|text| !text.is_empty());
        attributes.extend(text.map(|text| KeyValue::new(DB_QUERY_TEXT, Arc::clone(text))));
        if let Some(enrich) = &self.settings.enrich {
            enrich(&query, &mut attributes);
        }
        Described { name: self.span_name(&query), attributes, links: vec![] }
    }

    /// Whether the call is to have a span.
    pub(crate) fn is_wanted(&self, statement: &Statement, has_bound_values: bool) -> bool {
        self.settings.filter.as_ref().is_none_or(|is_wanted| is_wanted(&statement.query(has_bound_values)))
    }

    /// How many statements were forgotten because of the limit.
    pub(crate) fn statements_forgotten(&self) -> u64 {
        self.statements.forgotten()
    }

    /// The summary, else where it goes to.
    fn span_name(&self, query: &Query<'_>) -> Cow<'static, str> {
        let own = self.settings.span_name.as_ref().and_then(|name| name(query));
        own.unwrap_or_else(|| {
            let name = if query.summary.is_empty() { &self.target.namespace } else { query.summary };
            Cow::Owned(name.to_owned())
        })
    }
}

/// Most attributes of most spans: 6 at their start, 6 at their end, 5 of the journey.
const ATTRIBUTES_MAX: usize = 17;
