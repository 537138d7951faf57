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
