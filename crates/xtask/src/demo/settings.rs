//! What the programs of the demo are told: ports, arguments, and variables.

use anyhow::{Result, bail};
use journey_testkit::services::{Kind, ports};

use super::{analyzer_config, api::Urls, databases::Databases, fleet::Program};
use crate::parts::Parts;

/// The ports of all programs. Those named `internal` are for colleagues, the others for everybody.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) analyzer: u16,
    crm: u16,
    mes: u16,
    mes_internal: u16,
    pub(super) otlp: u16,
    relay: u16,
    shop: u16,
    shop_internal: u16,
}

impl Ports {
    /// Free ports for all.
    pub(super) fn free() -> Result<Self> {
        match ports::free(8)?[..] {
            [analyzer, crm, mes, mes_internal, otlp, relay, shop, shop_internal] => {
                Ok(Self { analyzer, crm, mes, mes_internal, otlp, relay, shop, shop_internal })
            }
            _ => bail!("eight ports were asked for"),
        }
    }

    /// Where a program serves.
    pub(super) fn of(&self, program: Program) -> u16 {
        match program {
            Program::Analyzer => self.analyzer,
            Program::Crm => self.crm,
            Program::Mes => self.mes,
            Program::Relay => self.relay,
            Program::Shop => self.shop,
        }
    }
}

/// What the programs are told about each other.
pub(super) struct Settings<'a> {
    /// The servers.
    pub(super) parts: &'a Parts,
    /// A database for each service.
    pub(super) databases: &'a Databases,
    /// Where everybody serves.
    pub(super) ports: &'a Ports,
    /// Base URL of the collector of ordinary spans.
    pub(super) spans_to: &'a str,
    /// The folder of uploaded models.
    pub(super) files: String,
    /// Calculations of MES at a time.
    pub(super) mes_workers: u32,
}

impl Settings<'_> {
    /// Base URLs of the services.
    pub(super) fn urls(&self) -> Urls {
        Urls {
            shop: http(self.ports.shop),
            crm: http(self.ports.crm),
            mes: http(self.ports.mes),
            mes_internal: http(self.ports.mes_internal),
        }
    }

    /// The arguments of a program.
    pub(super) fn arguments(&self, program: Program) -> Vec<String> {
        match program {
            Program::Analyzer => words(&["run", "--config", analyzer_config::FILE, "--data", "data"]),
            Program::Relay => words(&["relay", "--listen", &address(self.ports.of(program))]),
            Program::Crm | Program::Mes | Program::Shop => Vec::new(),
        }
    }

    /// The variables of a program.
    pub(super) fn environment(&self, program: Program) -> Vec<(&'static str, String)> {
        let amqp = self.parts.url(Kind::RabbitMq).to_owned();
        match program {
            Program::Analyzer => Vec::new(),
            Program::Relay => vec![("JOURNEY_AMQP_URL", amqp)],
            Program::Crm => self.service(
                program,
                "crm",
                &[("AMQP_URL", amqp), ("SHOP_URL", http(self.ports.shop_internal))],
            ),
            Program::Mes => {
                let own = [
                    ("AMQP_URL", amqp),
                    ("FILES_DIR", self.files.clone()),
                    ("LISTEN_INTERNAL", address(self.ports.mes_internal)),
                    ("MES_FAULTS", "on".to_owned()),
                    ("MES_LEASE", MES_LEASE.to_owned()),
                    ("MES_WORKERS", self.mes_workers.to_string()),
                ];
                self.service(program, "mes", &own)
            }
            Program::Shop => {
                let own = [
                    ("CRM_URL", http(self.ports.crm)),
                    ("FILES_DIR", self.files.clone()),
                    ("LISTEN_INTERNAL", address(self.ports.shop_internal)),
                ];
                self.service(program, "shop", &own)
            }
        }
    }

    /// What all three services need, and `own`.
    fn service(
        &self,
        program: Program,
        database: &str,
        own: &[(&'static str, String)],
    ) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("LISTEN", address(self.ports.of(program))),
            ("DATABASE_URL", self.databases.url(database)),
            ("JOURNEY_LANE_ENDPOINT", http(self.ports.relay)),
            ("JOURNEY_BEAT_INTERVAL", "1s".to_owned()),
            // The journey lane is all that it takes to find what breaks; the spans are only judged.
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.spans_to.to_owned()),
        ];
        environment.extend_from_slice(own);
        environment
    }
}

/// A loopback address.
fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// The base URL of whoever serves at a loopback port.
pub(super) fn http(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A job of a killed MES is taken again after this time; shorter than MES is away.
const MES_LEASE: &str = "6s";
