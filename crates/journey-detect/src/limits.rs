//! Every bound of the engine, and what happens at it.

/// Most journeys in memory. When full, the one that was silent longest leaves memory; the store keeps it.
pub const JOURNEYS_MAX: usize = 1_000_000;

/// Most attempts of one journey, or of journeys that claim the same values. A further one is refused and counted as
/// [`crate::Counters::journey_full`]; a tie that would join more is not made, and counted as
/// [`crate::Counters::ties_refused`].
pub const ATTEMPTS_PER_GROUP_MAX: usize = 2_048;

/// Most spans without a key that wait under their trace for a sibling with one. When full, the one that waited
/// longest is given up and counted as [`crate::Counters::given_up`].
pub const WAITING_SPANS_MAX: usize = 100_000;

/// Most service instances remembered. When full, the one that was silent longest is forgotten.
pub const INSTANCES_MAX: usize = 10_000;

/// Longest text of a key's value, in bytes. A longer one is no id and is left out.
pub const KEY_BYTES_MAX: usize = 256;

/// Most markings in one state set. A definition that needs more is refused when it is read.
pub const MARKINGS_MAX: usize = 4_096;

/// Most state sets kept. When full, the cache starts anew.
pub const STATES_MAX: usize = 16_384;

/// Most missing steps assumed to explain one step.
pub const MISSING_STEPS_MAX: usize = 3;

/// A stage is dead when no beat came for this many intervals.
pub const BEATS_MISSED_MAX: u64 = 4;

/// A service instance that said nothing for this many intervals, and not that it stops, has vanished.
pub const PROCESS_SIGNALS_MISSED_MAX: u64 = 3;

/// Buckets of the scale of durations: from 1 ns to 292 years in steps of 2 %. What is longer counts as that.
pub const BUCKETS_MAX: usize = 2_200;

/// Most buckets that a histogram keeps as a list. With more it becomes a window of the scale.
pub const THIN_BUCKETS_MAX: usize = 96;

/// Most days of one baseline. When there are more, the oldest is forgotten, however thin.
pub const BASELINE_DAYS_MAX: usize = 128;

/// Most values kept since a change. When full, the oldest counts as usual again, or is forgotten while an alarm is up.
pub const HELD_VALUES_MAX: usize = 512;

/// Most attributes that are facets. Further ones of the configuration are left out.
pub const FACET_KEYS_MAX: usize = 12;

/// Most values of one facet that are followed in one stage. When full, a new value takes the place of one that was
/// silent for [`FACET_VALUE_SILENT_NS`], else it counts among the others.
pub const FACET_VALUES_MAX: usize = 64;

/// How long a value of a facet must have been silent to give up its place: a day.
pub const FACET_VALUE_SILENT_NS: u64 = 86_400_000_000_000;

/// Most values of one facet remembered after their first sight. When full, the one seen first is forgotten; a value is
/// followed from its second sight on.
pub const FACET_VALUES_SEEN_ONCE_MAX: usize = 256;

/// Most values of facets followed in all stages together. When full, a new value counts among the others.
pub const FACET_CELLS_MAX: usize = 16_384;

/// Most spans, gaps and edges whose durations are followed. When full, a new one is not followed, and each of its
/// values is counted as [`crate::trend::TrendCounters::series_full`].
pub const SERIES_MAX: usize = 512;

/// Most samples that wait for earlier ones. When full, the earliest is taken at once, and counted as
/// [`crate::trend::TrendCounters::hurried`].
pub const SAMPLES_WAITING_MAX: usize = 262_144;

/// Most waits that one sample measures: gaps and edges that end where its stage begins. Further ones are left out.
pub const WAITS_PER_SAMPLE_MAX: usize = 4;

/// Most samples of one stage kept to see which spans two facets share. When full, the oldest is forgotten.
pub const RECENT_SAMPLES_MAX: usize = 4_096;

/// Values needed before the size of the work is taken out of its duration. Until then sized work is not judged.
pub const SIZES_LEARNT_MIN: usize = 64;

/// Orders that failed last in one stage, remembered so that each counts once. When full, the oldest is forgotten.
pub const FAILED_ORDERS_MAX: usize = 256;
