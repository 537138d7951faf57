//! The clock of the lane.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journey_model::ProcessState;
use journey_trace::lane::Lane;

use super::stop::Stop;

/// Beats for every open stage, and says that the process runs, once per interval.
pub(super) async fn run(lane: Arc<Lane>, interval: Duration, mut stop: Stop) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    // After the machine slept, one beat is enough.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                lane.process(ProcessState::Running);
                lane.beat(Instant::now());
            }
            _ = stop.ordered() => return,
        }
    }
}
