//! Whether a channel died, and why, as far as anybody was told.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lapin::{ChannelStatus, Error, ErrorKind};

use crate::error_type;
use crate::limits::ACK_TIMEOUT_LATE_MAX;
use crate::outcome::ConsumeOutcome;

/// The end of one channel of lapin's. lapin tells its reason to consumers, and to calls that wait just then; a channel
/// without either dies in silence.
#[derive(Default)]
pub(crate) struct Death {
    /// Unknown in tests alone.
    channel: Option<ChannelStatus>,
    /// All that hold the channel. Without one lapin closes it.
    holders: Weak<()>,
    is_timed_out: AtomicBool,
    is_explained: AtomicBool,
    is_seen: AtomicBool,
}

impl Death {
    pub(super) fn of(channel: &lapin::Channel, holders: Weak<()>) -> Self {
        Self { channel: Some(channel.status().clone()), holders, ..Self::default() }
    }

    /// Whether the broker closed the channel because an acknowledgement did not come in time. A consumer of the channel
    /// is told of it, without one it is guessed; and then it is the fate of all its deliveries.
    pub(crate) fn is_timed_out(&self) -> bool {
        self.is_timed_out.load(Relaxed)
    }

    /// How deliveries of a dead channel end, if not by that.
    pub(crate) fn outcome_or(&self, otherwise: ConsumeOutcome) -> ConsumeOutcome {
        if self.is_timed_out() { ConsumeOutcome::AckTimeout } else { otherwise }
    }

    /// A message came: it lives.
    pub(crate) fn lives(&self) {
        if self.is_timed_out() {
            self.is_timed_out.store(false, Relaxed);
        }
    }

    /// Somebody was told an error on the channel. If it is the broker's word, that is why the channel died.
    pub(crate) fn heard(&self, error: &Error) {
        if error_type::is_ack_timeout(error) {
            self.is_timed_out.store(true, Relaxed);
        } else if matches!(error.kind(), ErrorKind::ProtocolError(_)) {
            self.is_explained.store(true, Relaxed);
        }
    }

    /// The service closes the channel itself.
    pub(crate) fn is_wanted(&self) {
        self.is_explained.store(true, Relaxed);
    }

    /// The channel may have died just now. If nothing else explains that, and it held a delivery for as long as the broker
    /// waits, and not much longer, that is why: `overdue` is by how much the oldest exceeds its time, if it does.
    ///
    /// Only at the moment of its death, which is when this is true for the first time: later all of them are old.
    pub(crate) fn guess(&self, overdue: impl FnOnce() -> Option<Duration>) {
        if !self.has_happened() || self.is_explained.load(Relaxed) || self.holders.strong_count() == 0 {
            return;
        }
        // The broker looks every minute. What it has let pass for much longer is not what it closes a channel for.
        if overdue().is_some_and(|overdue| overdue <= ACK_TIMEOUT_LATE_MAX) {
            self.is_timed_out.store(true, Relaxed);
        }
    }

    /// Whether the channel is dead, and was not when this was asked the last time.
    fn has_happened(&self) -> bool {
        let is_dead =
            self.channel.as_ref().is_some_and(|channel| !channel.connected() && !channel.initializing());
        let was_dead = self.is_seen.swap(is_dead, Relaxed);
        if was_dead && !is_dead {
            // It was recovered: what explained that death explains no other one.
            self.is_explained.store(false, Relaxed);
        }
        is_dead && !was_dead
    }
}
