//! Brings one body to the collector, however long it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::{RETRY_AFTER_MAX, RETRY_PAUSE_FIRST};

use super::answer::Answer;
use super::bodies::Body;
use super::outage::{Outage, Way};
use super::stop::Stop;
use super::tally::InFlight;
use super::transport::Transport;

/// Sends bodies to one endpoint, one after the other.
pub(super) struct Courier {
    pub(super) transport: Transport,
    pub(super) way: Way,
    pub(super) outage: Arc<Outage>,
    pub(super) patience: Patience,
    pub(super) stop: Stop,
}

/// How long and how often to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Longest pause between two tries, apart from `Retry-After`.
    pub(super) pause_max: Duration,
    /// Time after which a body is given up.
    pub(super) retry_for: Duration,
}

impl Courier {
    /// Returns when the body, whose records are `in_flight`, is delivered, refused or given up.
    pub(super) async fn deliver(&mut self, body: Body, in_flight: InFlight<'_>) {
        let packed = self.transport.pack(body.bytes);
        let began = Instant::now();
        let mut pause = RETRY_PAUSE_FIRST;
        loop {
            match self.transport.post(packed.clone()).await {
                Answer::Taken { rejected, message } => {
                    in_flight.delivered_but(rejected);
                    return self.was_taken(rejected, &message);
                }
                Answer::Refused { reason } => {
                    drop(in_flight);
                    return self.outage.refused(self.way, body.records, &reason);
                }
                Answer::Later { reason, after } => {
                    let tried_for = began.elapsed();
                    if tried_for > self.patience.retry_for {
                        drop(in_flight);
                        return self.outage.gave_up(self.way, body.records, tried_for, &reason);
                    }
                    self.outage.goes_on(self.way, &reason);
                    self.pause(after.map_or_else(|| jittered(pause), bounded)).await;
                    pause = (pause * 2).min(self.patience.pause_max);
                }
            }
        }
    }

    fn was_taken(&self, rejected: u64, message: &str) {
        self.outage.is_over(self.way);
        if rejected > 0 || !message.is_empty() {
            self.outage.refused(self.way, rejected, message);
        }
    }

    /// Sleeps, but not long once the thread is to stop.
    async fn pause(&mut self, pause: Duration) {
        if self.stop.is_stopping() {
            return tokio::time::sleep(RETRY_PAUSE_FIRST).await;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = self.stop.ordered() => {}
        }
    }
}

/// A `Retry-After` of 0 must not make a hot loop, and one of a day must not outlast the outage.
fn bounded(retry_after: Duration) -> Duration {
    retry_after.clamp(RETRY_PAUSE_FIRST, RETRY_AFTER_MAX)
}

/// 80 to 120 %, so that a thousand services do not come back in the same moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.8..1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a collector says `Retry-After: 0`, `7` and `86400`.
    /// Guarantees: there is always a pause, and never one of hours.
    #[test]
    fn retry_after_is_bounded() {
        let pauses = [0, 7, 86_400].map(|seconds| bounded(Duration::from_secs(seconds)));
        assert_eq!(pauses, [RETRY_PAUSE_FIRST, Duration::from_secs(7), RETRY_AFTER_MAX]);
    }
}
