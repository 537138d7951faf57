//! The database that calls go to, as spans and metrics tell it.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use opentelemetry::KeyValue;
use sqlx_postgres::PgConnectOptions;

use crate::hashed::Hashed;
use crate::key::{DB_NAMESPACE, DB_SYSTEM_NAME, DEFAULT_PORT, POSTGRESQL, SERVER_ADDRESS, SERVER_PORT};

/// Made once from the connect options, without asking the server.
#[derive(Debug)]
pub(crate) struct Target {
    /// What all calls have in common.
    pub(crate) attributes: Vec<KeyValue>,
    /// `database` or `database|schema`; name of a span without a summary.
    pub(crate) namespace: Arc<str>,
    /// `host:port/namespace`.
    name: Hashed,
}

impl Target {
    pub(crate) fn of(options: &PgConnectOptions, schema: Option<&str>) -> Self {
        // libpq and sqlx leave the name out of the startup message, and the server takes the user's.
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let namespace: Arc<str> = match schema {
            Some(schema) => format!("{database}|{schema}").into(),
            None => database.into(),
        };
        let socket = options.get_socket().map(|socket| socket.as_path());
        let is_socket = socket.is_some() || Path::new(options.get_host()).is_absolute();
        let address: Arc<str> = match socket {
            Some(socket) => socket.to_string_lossy().into(),
            None => options.get_host().into(),
        };
        let name = format!("{address}:{}/{namespace}", options.get_port()).into();
        let mut attributes = vec![
            KeyValue::new(DB_SYSTEM_NAME, POSTGRESQL),
            KeyValue::new(DB_NAMESPACE, Arc::clone(&namespace)),
            KeyValue::new(SERVER_ADDRESS, address),
        ];
        if !is_socket && options.get_port() != DEFAULT_PORT {
            attributes.push(KeyValue::new(SERVER_PORT, i64::from(options.get_port())));
        }
        Self { attributes, namespace, name }
    }

    /// Of queries of which only the kind of database is known.
    #[cfg(feature = "events")]
    pub(crate) fn unknown() -> Arc<Self> {
        let attributes = vec![KeyValue::new(DB_SYSTEM_NAME, POSTGRESQL)];
        Arc::new(Self { attributes, namespace: POSTGRESQL.into(), name: "".into() })
    }

    /// Name of a pool that was given none.
    pub(crate) fn name(&self) -> Hashed {
        self.name.clone()
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Hash for Target {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, schema: Option<&str>, expected: &[(&str, &str)]) {
        let target = Target::of(&url.parse().expect("the URL is right"), schema);
        let attributes: Vec<(&str, String)> =
            target.attributes.iter().map(|kv| (kv.key.as_str(), kv.value.to_string())).collect();
        let attributes: Vec<(&str, &str)> =
            attributes.iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(attributes[1..], *expected, "{url}");
    }

    /// Scenario: URLs with and without database, with the usual port and another, a Unix socket, and a schema.
    /// Guarantees: the port is told only if it is not the usual one of an address; no password is told.
    #[test]
    fn attributes_come_from_the_options() {
        let here = ("server.address", "pg");
        check("postgres://user:secret@pg/shop", None, &[("db.namespace", "shop"), here]);
        check("postgres://user:secret@pg:5432/shop", Some("mes"), &[("db.namespace", "shop|mes"), here]);
        check("postgres://user@pg:5433", None, &[("db.namespace", "user"), here, ("server.port", "5433")]);
        check(
            "postgres://user@%2Frun%2Fpg:5433/shop",
            None,
            &[("db.namespace", "shop"), ("server.address", "/run/pg")],
        );
    }

    /// Scenario: a pool without a name of its own.
    /// Guarantees: it is named as the conventions say.
    #[test]
    fn a_pool_is_named_after_its_target() {
        let options = "postgres://user:secret@pg/shop".parse().expect("the URL is right");
        assert_eq!(&*Target::of(&options, None).name(), "pg:5432/shop");
    }
}
