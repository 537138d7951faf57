//! Attribute keys of database spans, each written once, after
//! [OpenTelemetry semantic conventions 1.44.0](https://opentelemetry.io/schemas/1.44.0).

pub(crate) use journey_trace::attribute::{JOURNEY_DB_OUTCOME, JOURNEY_DB_POOL_WAIT};

/// Name of the database: here always without a schema, which nobody knows without asking the server.
pub(crate) const DB_NAMESPACE: &str = "db.namespace";
/// Operations and tables of the statement; also the name of the span.
pub(crate) const DB_QUERY_SUMMARY: &str = "db.query.summary";
/// Text of the statement.
pub(crate) const DB_QUERY_TEXT: &str = "db.query.text";
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
