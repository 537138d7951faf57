//! The configuration: defaults, `journey-analyzer.yaml`, then `JOURNEY_*` variables.
//!
//! | key | variable | default |
//! |---|---|---|
//! | `api` | `JOURNEY_API` | `127.0.0.1:8470` |
//! | `otlp_grpc` | `JOURNEY_OTLP_GRPC` | `127.0.0.1:4317` |
//! | `otlp_http` | `JOURNEY_OTLP_HTTP` | `127.0.0.1:4318` |
//! | `amqp` | `JOURNEY_AMQP_URL` | none: no stream is read |
//! | `alertmanager` | `JOURNEY_ALERTMANAGER_URL` | none: findings stay on the console and at the API |
//! | `definition` | `JOURNEY_DEFINITION` | the shipped one |
//! | `environment` | `JOURNEY_ENVIRONMENT` | `dev` |
//! | `journey_url` | `JOURNEY_URL` | `http://` and the address of the API |
//! | `runbook_url` | `JOURNEY_RUNBOOK_URL` | none |

use std::net::SocketAddr;
use std::path::PathBuf;

use journey_detect::yaml::{self, Fields, Mistakes, Node};

/// What the daemon needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address of API and metrics.
    pub api: SocketAddr,
    /// Address of the OTLP/gRPC receiver.
    pub otlp_grpc: SocketAddr,
    /// Address of the OTLP/HTTP receiver.
    pub otlp_http: SocketAddr,
    /// Broker whose stream `traces.events` is read.
    pub amqp: Option<String>,
    /// Every member of the Alertmanager set; alerts go to each of them.
    pub alertmanager: Vec<String>,
    /// File of the journey definition; `None` is the shipped one.
    pub definition: Option<PathBuf>,
    /// Label `environment` of alerts.
    pub environment: String,
    /// Where people reach the API; annotation `journey_url`.
    pub journey_url: Option<String>,
    /// Where people read what to do; annotation `runbook_url`, the alert's name is appended as a fragment.
    pub runbook_url: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api: SocketAddr::from(([127, 0, 0, 1], 8470)),
            otlp_grpc: SocketAddr::from(([127, 0, 0, 1], 4317)),
            otlp_http: SocketAddr::from(([127, 0, 0, 1], 4318)),
            amqp: None,
            alertmanager: Vec::new(),
            definition: None,
            environment: "dev".to_owned(),
            journey_url: None,
            runbook_url: None,
        }
    }
}

impl Config {
    /// Reads the text of a configuration file, then lets `variable` override it.
    ///
    /// # Errors
    /// All mistakes at once: those of the file with line and column, those of variables with their name.
    pub fn read(text: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut config = Self::default();
        if let Some(text) = text {
            match yaml::read(text, |root, mistakes| Some(read_file(root, mistakes))) {
                Ok(read) => config = read,
                Err(mistakes) => problems.extend(mistakes.iter().map(ToString::to_string)),
            }
        }
        for key in KEYS {
            let name = variable_name(key);
            let Some(value) = variable(&name) else { continue };
            if let Err(problem) = config.set(key, &value) {
                problems.push(format!("{name}: {problem}"));
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let address = || value.parse().map_err(|_| format!("`{value}` is no address such as 127.0.0.1:8470"));
        match key {
            "api" => self.api = address()?,
            "otlp_grpc" => self.otlp_grpc = address()?,
            "otlp_http" => self.otlp_http = address()?,
            "amqp" => self.amqp = Some(with_scheme(value, &["amqp://", "amqps://"])?),
            "alertmanager" => {
                let urls = value.split(',').map(|url| with_scheme(url.trim(), &["http://", "https://"]));
                self.alertmanager = urls.collect::<Result<_, _>>()?;
            }
            "definition" => self.definition = Some(value.into()),
            "environment" => self.environment = value.to_owned(),
            "journey_url" => self.journey_url = Some(with_scheme(value, &["http://", "https://"])?),
            "runbook_url" => self.runbook_url = Some(with_scheme(value, &["http://", "https://"])?),
            _ => unreachable!("KEYS lists the arms above"),
        }
        Ok(())
    }
}

fn read_file(root: Node<'_>, mistakes: &mut Mistakes) -> Config {
    let mut config = Config::default();
    let Some(fields) = Fields::of(root, KEYS, mistakes) else { return config };
    for key in KEYS {
        let Some(node) = fields.get(key) else { continue };
        let list = node.list().filter(|_| *key == "alertmanager");
        let texts: Option<Vec<_>> = list.unwrap_or_else(|| vec![node]).into_iter().map(Node::text).collect();
        let value = texts.map(|texts| texts.join(","));
        let outcome =
            value.ok_or_else(|| "expected a text".to_owned()).and_then(|value| config.set(key, &value));
        if let Err(problem) = outcome {
            mistakes.note(node, format!("{key}: {problem}"));
        }
    }
    config
}

fn with_scheme(url: &str, schemes: &[&str]) -> Result<String, String> {
    if schemes.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    // A URL may hold a password, so it is not repeated.
    Err(format!("expected a URL that begins with {}", schemes.join(" or ")))
}

fn variable_name(key: &str) -> String {
    match key {
        "amqp" | "alertmanager" => format!("JOURNEY_{}_URL", key.to_uppercase()),
        "journey_url" => "JOURNEY_URL".to_owned(),
        _ => format!("JOURNEY_{}", key.to_uppercase()),
    }
}

const KEYS: &[&str] = &[
    "api",
    "otlp_grpc",
    "otlp_http",
    "amqp",
    "alertmanager",
    "definition",
    "environment",
    "journey_url",
    "runbook_url",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a file and variables with several mistakes.
    /// Guarantees: all of them are told, with place or name, and no password is repeated.
    #[test]
    fn all_problems_at_once() {
        let text = "api: here\nalertmanager: [http://a:9093, b]\ncolour: red\namqp: rabbit:secret@host\n";
        let variable = |name: &str| (name == "JOURNEY_OTLP_HTTP").then(|| "nowhere".to_owned());
        let problems = Config::read(Some(text), variable).unwrap_err();
        assert_eq!(
            problems,
            [
                "1:6: api: `here` is no address such as 127.0.0.1:8470",
                "2:15: alertmanager: expected a URL that begins with http:// or https://",
                "3:1: unknown field `colour`; known are api, otlp_grpc, otlp_http, amqp, alertmanager, definition, \
                 environment, journey_url, runbook_url",
                "4:7: amqp: expected a URL that begins with amqp:// or amqps://",
                "JOURNEY_OTLP_HTTP: `nowhere` is no address such as 127.0.0.1:8470",
            ]
        );
    }

    /// Scenario: a file, and a variable for the same key.
    /// Guarantees: the variable wins; what is said nowhere has its default.
    #[test]
    fn variables_win() {
        let variable = |name: &str| (name == "JOURNEY_AMQP_URL").then(|| "amqp://new/".to_owned());
        let config = Config::read(Some("amqp: amqp://old\nenvironment: shop\n"), variable).unwrap();
        assert_eq!(config.amqp.as_deref(), Some("amqp://new"));
        assert_eq!(config.environment, "shop");
        assert_eq!(config.api, Config::default().api);
    }
}
