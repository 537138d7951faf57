//! Every limit of this crate, with what happens when it is reached.

use std::time::Duration;

/// Longest part of a statement that is read or shown, in bytes. What comes after it is left out of the
/// summary and of `db.query.text`.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;

/// Longest `db.query.summary`, in bytes; the conventions allow 255 characters. The first word that does not
/// fit and all after it are left out.
pub const SUMMARY_BYTES_MAX: usize = 255;

/// Most statements whose summary a pool remembers. When full, the one that was not used for longest is
/// forgotten, counted by [`PgPool::statements_forgotten`](crate::PgPool::statements_forgotten), and read anew
/// if it comes again.
pub const REMEMBERED_STATEMENTS_MAX: usize = 512;

/// Longest statement that is remembered, in bytes; a longer one is read each time. With
/// [`REMEMBERED_STATEMENTS_MAX`] it bounds the memory of one pool to about 6 MiB.
pub const REMEMBERED_TEXT_BYTES_MAX: usize = 4 * 1024;

/// Left queries of one pool that are kept in mind while the server still works on them. A further one is not the
/// cause of anybody's wait; the wait is then told as `saturated`.
pub const DRAINING_MAX: usize = 64;

/// Longest text that PostgreSQL takes for a notification, in bytes. A payload that leaves no room for its context goes
/// alone, and is counted by the metric `journey.db.notification.context_dropped`.
pub const NOTIFICATION_BYTES_MAX: usize = 7999;

/// Most bytes of a `COPY FROM STDIN` that are copied to be sent at a time. More is cut into several messages, which are one
/// to the server.
pub const COPY_CHUNK_BYTES: usize = 64 * 1024;

/// From this wait on, a connection that was waited for has a span `db.pool.acquire`, if the builder says nothing
/// else. A shorter one is an attribute of the call only.
pub const ACQUIRE_SPAN_THRESHOLD: Duration = Duration::from_millis(10);
