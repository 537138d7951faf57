//! The analyzer's configuration, and a journey definition with times short enough to watch.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use journey_testkit::services::Kind;

use crate::parts::Parts;

/// Name of the configuration in the analyzer's folder.
pub(crate) const FILE: &str = "journey-analyzer.yaml";

/// How long a calculation may stand still in the demo's definition.
pub(crate) const PROGRESS_WITHIN: Duration = Duration::from_secs(4);

/// Writes configuration and definition into the analyzer's folder.
pub(crate) fn write(
    folder: &Path,
    parts: &Parts,
    api_port: u16,
    otlp_port: u16,
    environment: &str,
) -> Result<()> {
    let config = format!(
        "definition: {definition}\n\
         amqp: {amqp}\n\
         alertmanager: [ {alertmanager} ]\n\
         environment: {environment}\n\
         api: 127.0.0.1:{api_port}\n\
         otlp_grpc: 127.0.0.1:0\n\
         otlp_http: 127.0.0.1:{otlp_port}\n",
        definition = quoted(&folder.join(DEFINITION_FILE).display().to_string())?,
        amqp = quoted(parts.url(Kind::RabbitMq))?,
        alertmanager = quoted(parts.url(Kind::Alertmanager))?,
        environment = quoted(environment)?,
    );
    fs::write(folder.join(FILE), config).context("cannot write the analyzer's configuration")?;
    fs::write(folder.join(DEFINITION_FILE), short_definition()).context("cannot write the journey definition")
}

/// A JSON string is a YAML scalar, whatever a URL or a path contains.
fn quoted(text: &str) -> Result<String> {
    Ok(serde_json::to_string(text)?)
}

/// The shipped definition with shorter times; stages, flow and rules are those of production.
fn short_definition() -> String {
    SHORTER.iter().fold(SHIPPED.to_owned(), |text, (long, short)| text.replace(long, short))
}

const DEFINITION_FILE: &str = "journeys.yaml";
const SHIPPED: &str = include_str!("../../../journey-analyzer/journeys.yaml");

/// Each time of the shipped definition that would make people wait.
///
/// A message may lie for 25 s: MES is away for 10 s, and a job of its first life waits for its lease on top.
const SHORTER: [(&str, &str); 5] = [
    ("beat_interval: 15s", "beat_interval: 1s"),
    // Every order of the demo is seen from its beginning.
    ("warm_up: 30d", "warm_up: 0"),
    ("progress_within: 2m", "progress_within: 4s"),
    ("start_within: 2m", "start_within: 25s"),
    ("price_request: 2m", "price_request: 25s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the demo shortens the shipped definition, of whatever state.
    /// Guarantees: every time that it means to shorten is there, and none of the long ones stays.
    #[test]
    fn the_shipped_times_are_shortened() {
        for (long, _) in SHORTER {
            assert!(SHIPPED.contains(long), "the shipped definition has no `{long}` any more");
        }
        let short = short_definition();
        assert!(!short.contains(" 2m"), "{short}");
        assert!(short.contains(&format!("progress_within: {}s", PROGRESS_WITHIN.as_secs())));
    }
}
