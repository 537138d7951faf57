//! Attribute keys of database spans, each written once, after
//! [OpenTelemetry semantic conventions 1.44.0](https://opentelemetry.io/schemas/1.44.0).

pub(crate) use journey_trace::attribute::{
    ERROR_TYPE, JOURNEY_DB_AFFECTED_ROWS, JOURNEY_DB_CONSTRAINT, JOURNEY_DB_IDLE_IN_TRANSACTION,
    JOURNEY_DB_OUTCOME, JOURNEY_DB_POOL_WAIT, JOURNEY_DB_RETRYABLE, JOURNEY_DB_SERVER_WAIT,
    JOURNEY_DB_STATEMENTS, JOURNEY_DB_TIME_TO_FIRST_ROW, JOURNEY_DB_WAIT_REASON,
};

/// Name of the pool, on metrics.
pub(crate) const POOL_NAME: &str = "db.client.connection.pool.name";
/// `idle` or `used`, on `db.client.connection.count`.
pub(crate) const POOL_STATE: &str = "db.client.connection.state";

/// Name of the database, with the schema if the service has told it: nobody knows it without asking the server.
pub(crate) const DB_NAMESPACE: &str = "db.namespace";
/// Operations and tables of the statement; also the name of the span.
pub(crate) const DB_QUERY_SUMMARY: &str = "db.query.summary";
/// Text of the statement.
pub(crate) const DB_QUERY_TEXT: &str = "db.query.text";
/// Number of rows that the server sent.
pub(crate) const DB_RESPONSE_RETURNED_ROWS: &str = "db.response.returned_rows";
/// SQLSTATE of a warning or error, a string of 5 characters.
pub(crate) const DB_RESPONSE_STATUS_CODE: &str = "db.response.status_code";
/// [`POSTGRESQL`]. Its presence is how a consumer recognises a database call.
pub(crate) const DB_SYSTEM_NAME: &str = "db.system.name";
/// Host name, address, or folder of the Unix socket.
pub(crate) const SERVER_ADDRESS: &str = "server.address";
/// Port, an int; only if it is not [`DEFAULT_PORT`].
pub(crate) const SERVER_PORT: &str = "server.port";

/// Value of [`DB_SYSTEM_NAME`].
pub(crate) const POSTGRESQL: &str = "postgresql";
/// The port that need not be told.
pub(crate) const DEFAULT_PORT: u16 = 5432;

/// The closed list of values of one of our keys in the registry, in alphabetical order.
#[cfg(test)]
pub(crate) fn declared(key: &str) -> Vec<&'static str> {
    let registry = include_str!("../../journey-model/registry/attributes.yaml");
    let mut keys = registry.split("  - key: ");
    let of_key = keys.find(|text| text.lines().next() == Some(key)).expect("the registry has the key");
    let mut values: Vec<&str> =
        of_key.lines().filter_map(|line| line.split("value: \"").nth(1)?.split('"').next()).collect();
    values.sort_unstable();
    values
}
