//! Every limit of this crate, and what happens beyond it.

/// Facets of one journey cell. A further one is refused and counted.
pub const FACETS_MAX: usize = 8;

/// Longest name of a facet, in bytes. A longer one is refused and counted.
pub const FACET_NAME_BYTES_MAX: usize = 32;

/// Longest value of a facet, in bytes. A longer one is refused and counted.
pub const FACET_VALUE_BYTES_MAX: usize = 64;

/// Members of an outgoing `baggage` header. Ids come first; facets beyond it stay behind.
pub const BAGGAGE_MEMBERS_MAX: usize = 8;

/// Bytes of an outgoing `baggage` header. A member that does not fit stays behind, later ones may fit.
pub const BAGGAGE_BYTES_MAX: usize = 1024;

/// Bytes of incoming `baggage` that are looked at, as W3C Baggage asks for; the rest is ignored.
pub const BAGGAGE_IN_BYTES_MAX: usize = 8192;

/// Bytes of one carrier. Trace context and ids always fit; facets and `tracestate` that do not, stay behind.
pub const CARRIER_BYTES_MAX: usize = 2048;

/// Bytes of an incoming `tracestate`. A longer one is ignored, as W3C Trace Context allows.
pub const TRACE_STATE_BYTES_MAX: usize = 512;

/// Parts of a query string that a span shows. The rest is left out.
pub const QUERY_PARTS_MAX: usize = 64;

/// Records that wait in the lane. When it is full, beats go first, then process signals, starts, and ends last.
pub const LANE_QUEUE_RECORDS_MAX: usize = 8192;

/// Open stages that get beats. A stage beyond it has its start and its end, but no beats, and is counted.
pub const OPEN_STAGES_MAX: usize = 65_536;

/// Bytes of an error's text kept in the status of a stage. The rest is cut off.
pub const ERROR_TEXT_BYTES_MAX: usize = 256;
