//! The servers there are, and the words for each.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Server, alertmanager::Alertmanager, postgres::Postgres, rabbitmq::RabbitMq};

/// A server that the project needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Prometheus Alertmanager: takes alerts, groups and tells them.
    Alertmanager,
    /// PostgreSQL: one server; each service has its own database in it.
    Postgres,
    /// RabbitMQ: queues between services, and the stream of the journey lane.
    RabbitMq,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Alertmanager, Kind::Postgres, Kind::RabbitMq];

    /// The word for it on a command line, and the name of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Alertmanager => "alertmanager",
            Kind::Postgres => "postgres",
            Kind::RabbitMq => "rabbitmq",
        }
    }

    /// The environment variable with the URL of an instance that is already there.
    pub const fn url_variable(self) -> &'static str {
        match self {
            Kind::Alertmanager => "JOURNEY_ALERTMANAGER_URL",
            Kind::Postgres => "JOURNEY_PG_URL",
            Kind::RabbitMq => "JOURNEY_AMQP_URL",
        }
    }

    /// Debian's package with its program.
    pub const fn package(self) -> &'static str {
        match self {
            Kind::Alertmanager => "prometheus-alertmanager",
            Kind::Postgres => "postgresql",
            Kind::RabbitMq => "rabbitmq-server",
        }
    }

    /// The program that people look for when it is missing.
    pub const fn program(self) -> &'static str {
        match self {
            Kind::Alertmanager => "prometheus-alertmanager",
            Kind::Postgres => "postgres",
            Kind::RabbitMq => "rabbitmq-server",
        }
    }

    /// How long a start or an orderly stop may take on a busy machine; usually below 1 s, RabbitMQ 6 s.
    pub const fn patience(self) -> Duration {
        match self {
            Kind::Alertmanager | Kind::Postgres => Duration::from_secs(30),
            Kind::RabbitMq => Duration::from_secs(90),
        }
    }

    pub(super) fn server(self) -> &'static dyn Server {
        match self {
            Kind::Alertmanager => &Alertmanager,
            Kind::Postgres => &Postgres,
            Kind::RabbitMq => &RabbitMq,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownService;

    fn from_str(name: &str) -> Result<Self, UnknownService> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownService(name.to_owned()))
    }
}

/// A name that is none of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownService(String);

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no service; there are alertmanager, postgres and rabbitmq", self.0)
    }
}

impl std::error::Error for UnknownService {}
