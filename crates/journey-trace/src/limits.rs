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

/// Bytes of incoming `baggage`, over all its lines, that are looked at, as W3C Baggage asks for. The rest is ignored,
/// with the member that it begins in.
pub const BAGGAGE_IN_BYTES_MAX: usize = 8192;

/// Bytes of one carrier. Trace context and ids always fit; facets and `tracestate` that do not, stay behind.
pub const CARRIER_BYTES_MAX: usize = 2048;

/// Bytes of an incoming `tracestate`. A longer one is ignored, as W3C Trace Context allows.
pub const TRACE_STATE_BYTES_MAX: usize = 512;

/// Parts of a query string that a span shows. The rest is left out.
pub const QUERY_PARTS_MAX: usize = 64;

/// Attributes that there is room for in a list of [`crate::span::attribute_list`]; a span may say more, and the list grows. An
/// allocator gives no larger ones from its cheapest list.
pub const ATTRIBUTES_USUAL: usize = 16;

/// Lists of attributes that wait for a span, about 1 KiB each: two batches of an export. Further ones are dropped.
pub const ATTRIBUTE_LISTS_MAX: usize = 1024;

/// Records that wait in the lane. When it is full, beats go first, then process signals, starts, and ends last.
pub const LANE_QUEUE_RECORDS_MAX: usize = 8192;

/// Open stages that get beats. A stage beyond it has its start and its end, but no beats, and is counted.
pub const OPEN_STAGES_MAX: usize = 65_536;

/// Bytes of an error's text kept in the status of a stage. The rest is cut off.
pub const ERROR_TEXT_BYTES_MAX: usize = 256;

/// Series of one metric that are bound, so that a further sample costs no allocation. A series beyond it is recorded
/// the slow way.
pub const METRIC_SERIES_MAX: usize = 1024;

/// Rules of head sampling. A further one is an error at init.
pub const SAMPLING_RULES_MAX: usize = 64;

/// Bytes of the name of a stage, and of each status that it leads from or to. The rest is cut off.
pub const STAGE_TEXT_BYTES_MAX: usize = 128;

/// Links of one stage that its caller gives. A further one is left out.
pub const STAGE_LINKS_MAX: usize = 32;

/// Errors of one chain of sources that an HTTP client's error is classed by. Sources behind them are not looked at.
pub const ERROR_SOURCES_MAX: usize = 16;

/// Bytes of the text of each of them. The rest is not looked at.
pub const ERROR_CLUE_BYTES_MAX: usize = 256;

/// Names of hosts that each thread keeps, because the next request will have the same. A new one takes the place of
/// the oldest.
pub const RECENT_HOSTS_MAX: usize = 4;

/// Hosts in the list of those that may know our ids. A further one is an error at init.
pub const LISTED_HOSTS_MAX: usize = 64;

/// Bytes of `server.address`, the longest that DNS knows. The rest is cut off.
pub const HOST_BYTES_MAX: usize = 253;

/// Bytes of `url.full`. The rest is cut off.
pub const URL_BYTES_MAX: usize = 2048;

/// Bytes of `http.request.method_original`. The rest is cut off.
pub const METHOD_BYTES_MAX: usize = 32;

/// Families of metrics in one process, one per crate or kind of hop. A further one measures nothing.
pub const METRIC_FAMILIES_MAX: usize = 32;
