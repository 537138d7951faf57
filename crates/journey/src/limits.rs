//! Every limit of this crate, and what happens beyond it.

use std::time::Duration;

/// Spans that wait for export. When it is full, client and internal spans go before server and consumer spans, the
/// oldest first, each counted.
pub const SPAN_QUEUE_MAX: usize = 8192;

/// Records taken from the lane, or spans taken from their queue, at a time.
pub const BATCH_MAX: usize = 512;

/// Bytes after which a request body is closed and the rest goes into a further one. The relay takes 1 MB.
pub const BODY_BYTES_MAX: usize = 512 * 1024;

/// How long a start or an end waits for company; it must be on its way within 200 ms.
pub const LANE_LINGER: Duration = Duration::from_millis(50);

/// How long a span waits for company.
pub const SPAN_LINGER: Duration = Duration::from_secs(1);

/// First pause after a failed export; each further one doubles it.
pub const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(200);

/// Longest pause between two exports of a lane batch: an outage that is over should show at once.
pub const LANE_RETRY_PAUSE_MAX: Duration = Duration::from_secs(3);

/// Longest pause between two exports of a span batch.
pub const SPAN_RETRY_PAUSE_MAX: Duration = Duration::from_secs(15);

/// Longest `Retry-After` that is honoured; a longer one is cut to it, and one below [`RETRY_PAUSE_FIRST`] is raised.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// How long a lane batch is retried before it is given up and counted as lost.
pub const LANE_RETRY_FOR: Duration = Duration::from_secs(15 * 60);

/// How long a span batch is retried before it is given up and counted as lost.
pub const SPAN_RETRY_FOR: Duration = Duration::from_secs(5 * 60);

/// Time for the last export when the guard drops; below the 30 s that Kubernetes gives a pod.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// How long [`Tasks::stop`](crate::Tasks::stop) waits for an aborted task that does not reach its next `await`.
pub const TASK_ABORT_MAX: Duration = Duration::from_secs(1);

/// Time to reach a collector, within the time of a request.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Shortest interval of beats. A shorter one is refused.
pub const BEAT_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Longest interval of beats. A longer one is refused.
pub const BEAT_INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Longest interval of process signals, also when beats are rarer: by them a reader tells a quiet process from a dead
/// one.
pub const PROCESS_INTERVAL_MAX: Duration = Duration::from_secs(15);
