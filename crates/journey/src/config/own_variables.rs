//! The `JOURNEY_*` variables: ours, and those of the other programs of the project.

use super::Environment;
use super::service_links::is_service_link;

/// One line for each that nobody knows: a slip of the pen in `JOURNEY_PROPAGATE_TO` would be silent otherwise.
pub(super) fn warnings(environment: &Environment) -> impl Iterator<Item = String> {
    environment.names().filter_map(|name| {
        let why = why_without_effect(name.strip_prefix(PREFIX)?)?;
        let is_set_by_somebody = !is_service_link(name, environment.get(name)?);
        is_set_by_somebody.then(|| format!("{name} is set and has no effect{why}"))
    })
}

/// `None` if it has one, here or in another program.
fn why_without_effect(name: &str) -> Option<&'static str> {
    match name {
        "TRACE_FILTER" if !cfg!(feature = "bridge") => Some(" without the feature `bridge`"),
        name if OURS.contains(&name) || OTHERS.contains(&name) || name.starts_with(OF_TESTS) => None,
        _ => Some(": there is no such variable"),
    }
}

/// Of all names here.
const PREFIX: &str = "JOURNEY_";

/// What init reads.
const OURS: [&str; 7] =
    ["BEAT_INTERVAL", "CONSOLE", "LANE_ENDPOINT", "LOG_FORMAT", "PROPAGATE_TO", "SAMPLE", "TRACE_FILTER"];

/// What analyzer, relay, demo and tests read: they may well have a service for a neighbour, in one environment.
const OTHERS: [&str; 15] = [
    "ALERTMANAGER_URL",
    "AMQP_URL",
    "ANALYZER_URL",
    "API",
    "DATA",
    "DEFINITION",
    "ENVIRONMENT",
    "LOGS",
    "OTLP_GRPC",
    "OTLP_HTTP",
    "PG_URL",
    "RELAY_LISTEN",
    "REQUIRE_SERVICES",
    "RUNBOOK_URL",
    "URL",
];

/// Marks of tests that run their binary again.
const OF_TESTS: &str = "TEST_";
