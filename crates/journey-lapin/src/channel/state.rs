//! What all clones of a channel share with its consumers, deliveries and publishes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use lapin::ConnectionStatus;

use crate::Settings;
use crate::destination::{Destination, Place, Recent, Text};
use crate::limits::HEADER_BYTES_MAX;
use crate::unsettled::Unsettled;

/// Which broker it is, as a client sees it.
#[derive(Clone)]
pub(crate) struct Broker {
    /// `server.address`.
    pub(crate) address: Text,
    /// `server.port`.
    pub(crate) port: u16,
}

/// What lapin's channel does not tell of the connection it belongs to.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) status: ConnectionStatus,
    /// Bytes of the largest frame, as broker and client agreed. 0: no limit.
    pub(crate) frame_max: usize,
}

/// What the owner of a channel said.
#[derive(Clone, Default)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) broker: Option<Broker>,
    pub(crate) line: Option<Line>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) config: Config,
    /// By tag, for all that was made of one channel of lapin's.
    pub(crate) unsettled: Arc<Unsettled>,
    destinations: Recent,
    is_watched: AtomicBool,
    /// When the connection was last seen blocked; ns since [`EPOCH`], 0 for never.
    blocked_ns: AtomicU64,
}

impl State {
    pub(crate) fn new(config: Config, unsettled: Arc<Unsettled>) -> Arc<Self> {
        Arc::new(Self { config, unsettled, ..Self::default() })
    }

    pub(crate) fn destination(&self, place: Place<'_>) -> Arc<Destination> {
        self.destinations.at(place, self.config.settings.template)
    }

    /// Most bytes of headers with our own.
    pub(crate) fn header_bytes_max(&self) -> usize {
        self.frame_max().map_or(HEADER_BYTES_MAX, |frame_max| HEADER_BYTES_MAX.min(frame_max / 2))
    }

    /// Bytes of the largest frame that the broker takes, if that is known.
    pub(crate) fn frame_max(&self) -> Option<usize> {
        self.config.line.as_ref().map(|line| line.frame_max).filter(|frame_max| *frame_max > 0)
    }

    /// Whether the connection is known ([`crate::Channel::on`]), and lives.
    pub(crate) fn is_connected(&self) -> bool {
        self.config.line.as_ref().is_some_and(|line| line.status.connected())
    }

    /// True for the first caller.
    pub(crate) fn begin_watch(&self) -> bool {
        !self.is_watched.swap(true, Relaxed)
    }

    /// Looks whether the broker takes no messages, as it does under a memory or disk alarm.
    pub(crate) fn look_at_line(&self) {
        if self.config.line.as_ref().is_some_and(|line| line.status.blocked()) {
            self.blocked_ns.store(nanos(EPOCH.elapsed()), Relaxed);
        }
    }

    /// Whether the connection was seen blocked at any time in this long.
    pub(crate) fn was_blocked_within(&self, time: Duration) -> bool {
        let Some(line) = &self.config.line else { return false };
        if line.status.blocked() {
            return true;
        }
        let blocked_ns = self.blocked_ns.load(Relaxed);
        blocked_ns > 0 && nanos(EPOCH.elapsed()) - blocked_ns <= nanos(time)
    }
}

fn nanos(time: Duration) -> u64 {
    // Enough for five hundred years.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// An `Instant` has no number of its own.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
