//! Every bound of the daemon, and what happens at it.

use std::time::Duration;

/// Most deliveries between ingest and the engine. When full, OTLP answers 503 with `Retry-After` (gRPC: `UNAVAILABLE`),
/// and the stream is read no further: the broker keeps the rest.
pub const DELIVERIES_MAX: usize = 256;

/// Most OTLP requests at once of each receiver, from their first byte to their answer. A further one is answered 503, or
/// `UNAVAILABLE`.
pub const REQUESTS_MAX: usize = 64;

/// Largest body of one OTLP request, in bytes, after decompression. A larger one is refused with 413, or `OUT_OF_RANGE`.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most deliveries in one transaction.
pub const BATCH_DELIVERIES_MAX: usize = 200;

/// How long a batch waits for more deliveries. Shorter than anybody notices, long enough to share a commit.
pub const BATCH_WAIT: Duration = Duration::from_millis(50);

/// How often the engine looks at the clock though nothing came.
pub const TICK: Duration = Duration::from_millis(250);

/// How long an OTLP request waits for its data to be durable before it is answered 503.
pub const COMMIT_WAIT_MAX: Duration = Duration::from_secs(10);

/// Unacknowledged messages that the stream sends ahead. More than twice a batch: acknowledging follows the commit.
pub const STREAM_PREFETCH: u16 = 500;

/// Shortest pause before a source or the store is tried again; it doubles up to [`RETRY_PAUSE_MAX`].
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(200);

/// Longest pause before a source or the store is tried again.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Seconds between the heartbeats of the AMQP connection: a broker that hangs is noticed before stages seem dead.
pub const AMQP_HEARTBEAT_S: u16 = 10;

/// How long a stream must stay silent after (re)connecting to count as read to its end.
pub const STREAM_QUIET: Duration = Duration::from_secs(1);

/// Rejected bodies kept aside; the oldest leave.
pub const REJECTED_ROWS_MAX: i64 = 1_000;

/// Most bytes kept of a rejected body.
pub const REJECTED_BYTES_MAX: usize = 64 * 1024;

/// Rows that the database's thread reads ahead of whoever asked; then it waits.
pub const STORE_ROWS_AHEAD: usize = 1_024;

/// Words that rows share while the engine is rebuilt from them: names, stages, services, values of facets. A further one
/// takes memory once for each row.
pub const WORDS_MAX: usize = 4_096;

/// How often a standing alert is sent again.
pub const ALERT_RESEND: Duration = Duration::from_secs(60);

/// How long a sent alert is valid: two lost sends do no harm.
pub const ALERT_VALID: Duration = Duration::from_secs(4 * 60);

/// How long a cleared alert is sent as resolved.
pub const ALERT_RESOLVED_RETENTION: Duration = Duration::from_secs(15 * 60);

/// Most alerts in one request to Alertmanager.
pub const ALERTS_PER_POST_MAX: usize = 500;

/// How long Alertmanager may take to answer.
pub const ALERT_TIMEOUT: Duration = Duration::from_secs(5);

/// Most rows that the API gives at once.
pub const API_ROWS_MAX: i64 = 1_000;

/// Largest body of a replayed file, in bytes, after decompression. A longer line is counted as rejected; a longer length
/// before protobuf ends the replay, for nothing behind it can be found.
pub const REPLAY_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Shortest step of event time, in nanoseconds, after which a replay looks at what came: 100 ms. Limits shorter than this
/// are seen late by as much.
pub const REPLAY_LOOK_STEP_NS: u64 = 100_000_000;

/// Bytes of spans that a sorted replay holds before it writes them to disk.
pub const SORT_RUN_BYTES: usize = 256 * 1024 * 1024;

/// Spans remembered to tell repeats. When full, the older half is forgotten: a repeat of those counts as new.
pub const SEEN_SPANS_MAX: usize = 10_000_000;
