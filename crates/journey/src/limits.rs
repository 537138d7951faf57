//! Every limit of this crate, and what happens beyond it.

use std::time::Duration;

/// Spans that wait for export, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise. When it is full, client and internal
/// spans go before server and consumer spans, the oldest first, each counted. It is no bound in bytes: a span holds what
/// its maker puts on it, up to 128 attributes, events and links each (`OTEL_SPAN_…_COUNT_LIMIT`), whose texts are cut
/// only when they are sent. Those that our own hops make are bounded.
pub const SPAN_QUEUE_MAX: usize = 8192;

/// Largest `OTEL_BSP_MAX_QUEUE_SIZE`. A larger one is refused.
pub const SPAN_QUEUE_CAPACITY_MAX: usize = 1 << 20;

/// Records taken from the lane, or spans taken from their queue, at a time.
pub const BATCH_MAX: usize = 512;

/// Bytes after which a request body is closed, with the record or metric that reaches it, and the rest goes into a
/// further one. The relay takes 1 MB, other collectors 4 MiB.
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

/// How long a collection of metrics is retried before it is given up and its data points are counted as lost.
pub const METRIC_RETRY_FOR: Duration = Duration::from_secs(5 * 60);

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

/// Bytes of a certificate or key file. A larger one is refused.
pub const PEM_FILE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of a file of the system that is looked at to learn where the process runs. The rest is ignored.
pub const PLACE_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of a collector's answer that are kept. Of a longer one only status and trailers count, not what it says.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Time between two lines on an outage that goes on, or on records that a collector keeps refusing.
pub const OUTAGE_REMINDER: Duration = Duration::from_secs(5 * 60);

/// Time between two pings to a collector spoken to by HTTP/2 while a request is open. Without an answer, the connection
/// is given up: all later requests would join it.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(5);

/// Collections of metrics that wait for export. When there are more, the oldest is dropped and counted.
pub const METRIC_QUEUE_COLLECTIONS_MAX: u64 = 8;

/// Bytes of all of them. When there are more, the oldest bodies are dropped and counted.
pub const METRIC_QUEUE_BYTES_MAX: usize = 16 << 20;

/// Events that wait for the console of `JOURNEY_CONSOLE`. More are dropped, and their number is printed.
pub const CONSOLE_QUEUE_EVENTS_MAX: usize = 4096;

/// Traces that the console keeps at a time. When one more begins, the oldest is printed as it is and forgotten.
pub const CONSOLE_TRACES_MAX: usize = 256;

/// Ended spans and stages of one trace that the console shows, and open ones that it knows. Of the rest only the number
/// of ended ones is printed.
pub const CONSOLE_SPANS_PER_TRACE_MAX: usize = 512;

/// Time for the console to print its last lines when the guard drops, within the time of the shutdown.
pub const CONSOLE_FINISH_MAX: Duration = Duration::from_millis(500);

/// Ended spans and stages that one `journey::testing::capture` keeps. The rest is counted.
pub const CAPTURED_SPANS_MAX: usize = 10_000;

/// How long a capture waits for spans and stages that are open when its work is done: the other side of a hop ends
/// a moment later than the caller sees its answer.
pub const CAPTURE_SETTLE_MAX: Duration = Duration::from_millis(250);

/// How often the thread for signals looks whether the service is done.
pub const SIGNAL_LOOK: Duration = Duration::from_millis(20);
