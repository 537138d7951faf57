//! The database a pool or connection talks to, as its spans tell it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use opentelemetry::KeyValue;
use sqlx_postgres::PgConnectOptions;

use crate::key::{
    DB_NAMESPACE, DB_QUERY_SUMMARY, DB_QUERY_TEXT, DB_SYSTEM_NAME, DEFAULT_PORT, POSTGRESQL, SERVER_ADDRESS,
    SERVER_PORT,
};
use crate::sql::{Remembered, Statement};

/// Made once from the connect options, without asking the server; shared by all connections of a pool.
pub(crate) struct Server {
    /// What all calls have in common.
    attributes: Vec<KeyValue>,
    /// Name of a span without a summary.
    namespace: Arc<str>,
    statements: Remembered,
}

impl Server {
    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        // libpq and sqlx leave the name out of the startup message, and the server takes the user's.
        let namespace: Arc<str> = options.get_database().unwrap_or_else(|| options.get_username()).into();
        let socket = options.get_socket().map(|socket| socket.as_path());
        let is_socket = socket.is_some() || Path::new(options.get_host()).is_absolute();
        let address: Arc<str> = match socket {
            Some(socket) => socket.to_string_lossy().into(),
            None => options.get_host().into(),
        };
        let mut attributes = vec![
            KeyValue::new(DB_SYSTEM_NAME, POSTGRESQL),
            KeyValue::new(DB_NAMESPACE, Arc::clone(&namespace)),
            KeyValue::new(SERVER_ADDRESS, address),
        ];
        if !is_socket && options.get_port() != DEFAULT_PORT {
            attributes.push(KeyValue::new(SERVER_PORT, i64::from(options.get_port())));
        }
        Self { attributes, namespace, statements: Remembered::new() }
    }

    /// What a text says, remembered from its last call if it is not rare.
    pub(crate) fn statement(&self, sql: &str) -> Arc<Statement> {
        self.statements.statement(sql)
    }

    /// Name of the span of a call: the summary, else where it goes to.
    pub(crate) fn span_name(&self, statement: &Statement) -> Cow<'static, str> {
        let summary = &statement.summary;
        let name = if summary.is_empty() { &self.namespace } else { summary };
        Cow::Owned(name.as_ref().to_owned())
    }

    /// Attributes of a call, with room for what its end adds. The text is never the caller's own: a statement with
    /// bound values may hold literals too.
    pub(crate) fn attributes(&self, statement: &Statement) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(ATTRIBUTES_MAX);
        attributes.extend_from_slice(&self.attributes);
        if !statement.summary.is_empty() {
            attributes.push(KeyValue::new(DB_QUERY_SUMMARY, Arc::clone(&statement.summary)));
        }
        attributes.push(KeyValue::new(DB_QUERY_TEXT, Arc::clone(&statement.sanitised)));
        attributes
    }

    /// How many statements were forgotten because of the limit.
    pub(crate) fn statements_forgotten(&self) -> u64 {
        self.statements.forgotten()
    }
}

/// Most attributes of one span: 6 at its start, 4 at its end, 5 of the journey.
const ATTRIBUTES_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &[(&str, &str)]) {
        let server = Server::of(&url.parse().expect("the URL is right"));
        let attributes: Vec<(&str, String)> =
            server.attributes.iter().map(|kv| (kv.key.as_str(), kv.value.to_string())).collect();
        let attributes: Vec<(&str, &str)> =
            attributes.iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(attributes[1..], *expected, "{url}");
    }

    /// Scenario: URLs with and without database, with the usual port and another, and a Unix socket.
    /// Guarantees: the port is told only if it is not the usual one of an address; no password is told.
    #[test]
    fn attributes_come_from_the_options() {
        let here = ("server.address", "pg");
        check("postgres://user:secret@pg/shop", &[("db.namespace", "shop"), here]);
        check("postgres://user:secret@pg:5432/shop", &[("db.namespace", "shop"), here]);
        check("postgres://user@pg:5433", &[("db.namespace", "user"), here, ("server.port", "5433")]);
        check(
            "postgres://user@%2Frun%2Fpg:5433/shop",
            &[("db.namespace", "shop"), ("server.address", "/run/pg")],
        );
    }
}
