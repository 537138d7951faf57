//! Metrics of calls.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use journey_trace::metrics::{Amounts, Durations, Family, Series};
use opentelemetry::{KeyValue, StringValue};

use super::{DB_BUCKETS_S, ROW_BUCKETS};
use crate::hashed::Hashed;
use crate::key::{DB_QUERY_SUMMARY, DB_RESPONSE_STATUS_CODE, ERROR_TYPE};
use crate::target::Target;

/// What calls are told apart by.
#[derive(PartialEq)]
pub(crate) struct OperationSeries<'a> {
    pub(crate) target: &'a Arc<Target>,
    /// Empty if there is none.
    pub(crate) summary: &'a Hashed,
    pub(crate) error_type: Option<&'a str>,
    /// Whether `error_type` is a SQLSTATE.
    pub(crate) is_sqlstate: bool,
}

/// Measures a call, and its rows if they are told. Does nothing while nothing is measured.
pub(crate) fn operation(series: &OperationSeries<'_>, duration: Duration, rows: Option<u64>) {
    OPERATIONS.with(|operations| {
        operations.duration.record(series, duration);
        if let Some(rows) = rows {
            operations.rows.record(series, rows);
        }
    });
}

struct Operations {
    duration: Durations<OperationKey>,
    rows: Amounts<OperationKey>,
}

static OPERATIONS: Family<Operations> = Family::new(|meter| Operations {
    duration: Durations::new(
        meter,
        "db.client.operation.duration",
        "Duration of database client operations.",
        DB_BUCKETS_S,
    ),
    rows: Amounts::new(
        meter,
        "db.client.response.returned_rows",
        "The actual number of records returned by the database operation.",
        "{row}",
        ROW_BUCKETS,
    ),
});

/// [`OperationSeries`], owned.
pub(crate) struct OperationKey {
    target: Arc<Target>,
    summary: Hashed,
    error_type: Option<Box<str>>,
    is_sqlstate: bool,
}

impl Hash for OperationSeries<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.hash(state);
        self.summary.hash(state);
        self.error_type.hash(state);
    }
}

impl Series for OperationSeries<'_> {
    type Key = OperationKey;

    fn to_key(&self) -> OperationKey {
        OperationKey {
            target: Arc::clone(self.target),
            summary: self.summary.clone(),
            error_type: self.error_type.map(Box::from),
            is_sqlstate: self.is_sqlstate,
        }
    }

    fn is(&self, key: &OperationKey) -> bool {
        let OperationKey { target, summary, error_type, is_sqlstate } = key;
        let error_type = error_type.as_deref();
        *self == OperationSeries { target, summary, error_type, is_sqlstate: *is_sqlstate }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let text = |key, text: &str| KeyValue::new(key, StringValue::from(text.to_owned()));
        let mut attributes = self.target.attributes.clone();
        if !self.summary.is_empty() {
            attributes.push(KeyValue::new(DB_QUERY_SUMMARY, Arc::clone(self.summary.text())));
        }
        attributes.extend(self.error_type.map(|error| text(ERROR_TYPE, error)));
        let sqlstate = self.error_type.filter(|_| self.is_sqlstate);
        attributes.extend(sqlstate.map(|sqlstate| text(DB_RESPONSE_STATUS_CODE, sqlstate)));
        attributes
    }
}
