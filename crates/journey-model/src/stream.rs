//! The RabbitMQ objects of the two lanes, declared identically by bridge and analyzer.
//!
//! A second declaration with other arguments is refused by the broker (406 PRECONDITION_FAILED), hence one place.

/// Topic exchange of both lanes.
pub const EXCHANGE: &str = "traces";

/// Routing key and stream of the journey lane, unsampled.
pub const EVENTS: &str = "traces.events";

/// Routing key and stream of sampled spans, for storage.
pub const SAMPLED: &str = "traces.sampled";

/// `x-queue-type` of both queues.
pub const QUEUE_TYPE: &str = "stream";

/// `x-max-age` of both streams.
pub const AGE_MAX: &str = "7D";

/// `x-max-length-bytes` of both streams.
pub const LENGTH_BYTES_MAX: i64 = 5_000_000_000;

/// `x-stream-max-segment-size-bytes` of both streams. Retention happens only when a segment is full, so it is small.
pub const SEGMENT_BYTES_MAX: i64 = 50_000_000;

/// Largest message body, in bytes: RabbitMQ 4 lowers the broker's own limit, and small bodies keep retries cheap.
pub const BODY_BYTES_MAX: usize = 1_000_000;

/// `content-type` of a body: OTLP `ExportTraceServiceRequest`.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// `content-encoding` of a compressed body.
pub const ENCODING_ZSTD: &str = "zstd";
