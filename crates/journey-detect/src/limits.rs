//! Every bound of the engine, and what happens at it.

/// Most journeys in memory. When full, the one that was packed longest ago leaves memory, else the one that was silent
/// longest; the store keeps it.
pub const JOURNEYS_MAX: usize = 1_000_000;

/// Most attempts of one journey, or of journeys that claim the same values. A further one is refused and counted as
/// [`crate::Counters::journey_full`]; a tie that would join more is not made, and counted as
/// [`crate::Counters::ties_refused`].
pub const ATTEMPTS_PER_GROUP_MAX: usize = 2_048;

/// Most spans that wait for what tells their journey: a sibling of their trace with a key, or the binding of a member.
/// When full, the one that waited longest is given up and counted as [`crate::Counters::given_up`]; so is one that
/// waited for `expire_after`.
pub const WAITING_SPANS_MAX: usize = 100_000;

/// Most service instances remembered. When full, the one that was silent longest is forgotten.
pub const INSTANCES_MAX: usize = 10_000;

/// Most journeys that one shared value stands for. A value that more claim names none of them.
pub const SHARED_JOURNEYS_MAX: usize = 256;

/// Most keys of a definition. One with more is refused.
pub const KEYS_MAX: usize = 64;

/// Most values of one key in one span. Further ones are left out.
pub const KEY_VALUES_MAX: usize = 256;

/// Most links of one attempt. Further ones are left out.
pub const LINKS_MAX: usize = 8;

/// Most runs of numbers remembered of one service instance. When full, the oldest hole between them is forgotten.
pub const RUNS_PER_INSTANCE_MAX: usize = 4_096;

/// Most missing steps of one journey that missing numbers may excuse. Further ones are held against the order.
pub const CLAIMS_PER_JOURNEY_MAX: usize = 64;

/// Failed attempts of one stage of one order, within [`RETRY_WINDOW_NS`], that make a storm where failures are rare.
pub const RETRIES_MIN: u32 = 5;

/// Stages and waits that must be over before their durations say how long others may last.
pub const SURVIVORS_MIN: u64 = 30;

/// From as many on they say it closely; before, ten times the longest of them is waited.
pub const SURVIVORS_MANY: u64 = 200;

/// How far apart the failed attempts of a storm may lie, in nanoseconds of event time: a day.
pub const RETRY_WINDOW_NS: u64 = 86_400_000_000_000;

/// Most orders that an alert about many lists.
pub const FOLDED_ORDERS_MAX: usize = 10;

/// More alerts of one cause than this within [`FOLD_WINDOW_NS`] become one.
pub const SINGLES_MAX: usize = 5;

/// How close alerts of one cause must come to become one, in nanoseconds: 10 min.
pub const FOLD_WINDOW_NS: u64 = 600_000_000_000;

/// An alert about many orders ends when no more of them than this are left.
pub const FOLD_RELEASE: usize = 2;

/// The shortest time between two new texts of an alert about many orders, in nanoseconds: a minute.
pub const FOLD_UPDATE_NS: u64 = 60_000_000_000;

/// An alert that comes back within this time after it was cleared flutters: it is told again only once it has lasted
/// for a grace, and then cleared only after as long a quiet as this, in nanoseconds: an hour.
pub const FLUTTER_NS: u64 = 3_600_000_000_000;

/// Most alerts whose past is remembered. When full, the one longest cleared is forgotten.
pub const ALERT_PASTS_MAX: usize = 65_536;

/// Share of the numbers of `journey.seq` that may be lost within [`LOSS_WINDOW_NS`]; above it is `EvidenceLoss`.
pub const LOSS_SHARE_MAX: f64 = 0.005;

/// `EvidenceLoss` ends when no larger share than this is lost.
pub const LOSS_SHARE_RELEASE: f64 = 0.0025;

/// One lost number is no rate: fewer than this are never `EvidenceLoss`.
pub const LOST_NUMBERS_MIN: u64 = 2;

/// How far back losses are counted, in nanoseconds: 10 min.
pub const LOSS_WINDOW_NS: u64 = 600_000_000_000;

/// Most words kept once for all: stages, services, instances, keys and values of facets. When full, unused ones are
/// dropped.
pub const NAMES_MAX: usize = 65_536;

/// Most journeys that are held ready. When there are more, those that were judged longest ago are packed until something is
/// heard of them or they are due. One with a finding that stands, or that shares something with another, stays ready.
pub const READY_JOURNEYS_MAX: usize = 16_384;

/// Most attempts of a journey that is packed, or that does without identity. One with more stays ready.
pub const RESTING_ATTEMPTS_MAX: usize = 256;

/// Most values of keys of a journey that is packed: of one that does without identity, different ones; else counted in each
/// attempt. One with more stays ready.
pub const RESTING_VALUES_MAX: usize = 1_024;

/// Most journeys that one trace leads to while they are packed or do without identity. Further ones stay ready.
pub const RESTING_PER_MARK_MAX: usize = 16;

/// Most words that packed journeys share. Further ones are packed in full.
pub const SYMBOLS_MAX: usize = 65_536;

/// Longest name of a stage, service, instance, error or facet, and longest value of a facet, in bytes. A longer one is
/// cut.
pub const NAME_BYTES_MAX: usize = 256;

/// Longest text of a key's value, in bytes. A longer one is no id and is left out.
pub const KEY_BYTES_MAX: usize = 256;

/// Most markings in one state set. A definition that needs more is refused when it is read.
pub const MARKINGS_MAX: usize = 4_096;

/// Most state sets kept. When full, the cache starts anew.
pub const STATES_MAX: usize = 16_384;

/// Most sets of steps of one moment that are tried in every order. Where there are more, one order that fits is sought.
pub const TIED_SETS_MAX: usize = 4_096;

/// Most missing steps assumed to explain one step, where nothing says that they were not seen.
pub const MISSING_STEPS_MAX: usize = 3;

/// Most steps followed to see whether a step that comes later is in its own place.
pub const STEPS_AHEAD_MAX: usize = 64;

/// Most missing steps that explain one step, where each of them was perhaps not seen.
pub const MISSING_LOST_MAX: usize = 32;

/// Most states of the flow looked at to find missing steps.
pub const MISSING_SETS_MAX: usize = 1_024;

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
/// A warning that so many values did not confirm is withdrawn.
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
