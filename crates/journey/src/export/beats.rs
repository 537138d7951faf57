//! The clock of the lane.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journey_trace::lane::Lane;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::limits::PROCESS_INTERVAL_MAX;

use super::stop::Stop;

/// Beats for every open stage once per interval, and says that the process runs, at least every
/// [`PROCESS_INTERVAL_MAX`].
pub(super) async fn run(lane: Arc<Lane>, interval: Duration, mut stop: Stop) {
    let (mut beats, mut process) = (ticks(interval), ticks(process_interval(interval)));
    loop {
        tokio::select! {
            _ = beats.tick() => lane.beat(Instant::now()),
            _ = process.tick() => lane.sign_of_life(),
            _ = stop.ordered() => return,
        }
    }
}

fn process_interval(beat_interval: Duration) -> Duration {
    beat_interval.min(PROCESS_INTERVAL_MAX)
}

fn ticks(interval: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + interval, interval);
    // After the machine slept, one is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: beats every second, and every hour.
    /// Guarantees: the process speaks as often as the beats, but never less than every 15 s.
    #[test]
    fn the_process_is_never_silent_for_long() {
        let seconds = |beats| process_interval(Duration::from_secs(beats)).as_secs();
        assert_eq!([seconds(1), seconds(3600)], [1, 15]);
    }
}
