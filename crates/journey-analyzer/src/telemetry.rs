//! The analyzer's own metrics, by name, unit and moment, and its log.
//!
//! | metric | unit | when |
//! |---|---|---|
//! | `journey_analyzer_deliveries_total{source}` | deliveries | a body was committed |
//! | `journey_analyzer_spans_total{source}` | spans | a span was decoded |
//! | `journey_analyzer_rejected_total{reason}` | spans or bodies | one could not be taken |
//! | `journey_analyzer_refused_total{reason}` | requests | an OTLP request was told to come again |
//! | `journey_analyzer_commits_total` | transactions | rows and offsets are durable |
//! | `journey_analyzer_commit_failures_total` | transactions | one failed; the engine was rebuilt |
//! | `journey_analyzer_journeys` | journeys | in memory, after each look |
//! | `journey_analyzer_repeats_total` | spans | one said nothing new |
//! | `journey_analyzer_expired_total` | journeys | one left memory, silent for `expire_after` |
//! | `journey_analyzer_evicted_total` | journeys | one left memory because it was full |
//! | `journey_analyzer_ties_refused_total` | ties | a key's value would have tied too many orders |
//! | `journey_analyzer_given_up_total` | attempts | one without a key was given up because too many wait |
//! | `journey_analyzer_trend_late_total` | attempts | one ended too long ago to be judged for trends |
//! | `journey_analyzer_trend_hurried_total` | attempts | one was judged before earlier ones came: too many wait |
//! | `journey_analyzer_trend_unfollowed_total` | durations | one was not followed because too many kinds are |
//! | `journey_analyzer_sight` | 0 or 1 | whether silence is judged |
//! | `journey_analyzer_stream_lost_total` | messages | the stream was truncated past the stored offset |
//! | `journey_analyzer_findings_total{alert}` | findings | one was raised |
//! | `journey_analyzer_alerts_failed_total` | requests | Alertmanager did not take one |

use std::io::IsTerminal;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Counter: bodies committed, by source.
pub const DELIVERIES: &str = "journey_analyzer_deliveries_total";
/// Counter: spans decoded, by source.
pub const SPANS: &str = "journey_analyzer_spans_total";
/// Counter: spans or bodies that could not be taken, by reason.
pub const REJECTED: &str = "journey_analyzer_rejected_total";
/// Counter: OTLP requests told to come again, by reason.
pub const REFUSED: &str = "journey_analyzer_refused_total";
/// Counter: transactions.
pub const COMMITS: &str = "journey_analyzer_commits_total";
/// Counter: transactions that failed.
pub const COMMIT_FAILURES: &str = "journey_analyzer_commit_failures_total";
/// Gauge: journeys in memory.
pub const JOURNEYS: &str = "journey_analyzer_journeys";
/// Counter: spans that said nothing new.
pub const REPEATS: &str = "journey_analyzer_repeats_total";
/// Counter: journeys that left memory because nothing happened.
pub const EXPIRED: &str = "journey_analyzer_expired_total";
/// Counter: journeys that left memory because it was full.
pub const EVICTED: &str = "journey_analyzer_evicted_total";
/// Counter: ties not made because a key's value would have tied too many orders.
pub const TIES_REFUSED: &str = "journey_analyzer_ties_refused_total";
/// Counter: attempts without a key that were given up.
pub const GIVEN_UP: &str = "journey_analyzer_given_up_total";
/// Counter: attempts that came too late to be judged for trends.
pub const TREND_LATE: &str = "journey_analyzer_trend_late_total";
/// Counter: attempts that were judged for trends before earlier ones came, because too many wait.
pub const TREND_HURRIED: &str = "journey_analyzer_trend_hurried_total";
/// Counter: durations of stages and waits that are not followed because there are too many of those.
pub const TREND_UNFOLLOWED: &str = "journey_analyzer_trend_unfollowed_total";
/// Gauge: 1 while silence is judged.
pub const SIGHT: &str = "journey_analyzer_sight";
/// Counter: messages that the stream no longer has.
pub const STREAM_LOST: &str = "journey_analyzer_stream_lost_total";
/// Counter: findings raised, by alert.
pub const FINDINGS: &str = "journey_analyzer_findings_total";
/// Counter: requests that Alertmanager did not take.
pub const ALERTS_FAILED: &str = "journey_analyzer_alerts_failed_total";

/// What `/metrics` answers with; installs the recorder of the process at the first call.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Where the program has a recorder of its own, that one counts, and this handle shows nothing.
        let _ = metrics::set_global_recorder(recorder);
        handle
    };
    HANDLE.get_or_init(install).clone()
}

/// Logs to standard error, filtered by `RUST_LOG` (default `info,lapin=error`).
pub fn install_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,lapin=error"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
}
