//! One thing to measure.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// One operation with all that it needs, set up as a service would set it up.
pub struct Case {
    /// Does the operation, to its end, on the calling thread.
    pub(crate) operation: Box<dyn FnMut()>,
    /// The same without our crate, on the same connection, measured in turn with it. `None`: another case is the base.
    pub(crate) base: Option<Box<dyn FnMut()>>,
    /// Operations that a call of either does; more than one if they come in batches.
    pub(crate) per_call: u64,
    /// Lays ready what so many operations need, outside of what is measured.
    pub(crate) prepare: Box<dyn FnMut(u64)>,
    /// Waits until everything that the operations left behind is exported, and says how many spans that are so far.
    pub(crate) settle: Box<dyn FnMut() -> u64>,
    /// Spans that one operation must export; `None`: a share of it.
    pub(crate) spans: Option<u64>,
    /// Whose time is measured.
    pub(crate) clock: Clock,
    /// Operations after which the case and its base take turns; `None`: after a burst each.
    pub(crate) turn: Option<u64>,
}

impl Case {
    /// A case that exports nothing.
    pub(crate) fn bare(operation: impl FnMut() + 'static) -> Self {
        Self {
            operation: Box::new(operation),
            base: None,
            per_call: 1,
            prepare: Box::new(|_| ()),
            settle: Box::new(|| 0),
            spans: Some(0),
            clock: Clock::Thread,
            turn: None,
        }
    }

    /// CPU time of so many calls of the operation, without what is laid ready for each.
    ///
    /// # Errors
    /// The clock cannot be read.
    pub fn time(&mut self, calls: u64) -> nix::Result<Duration> {
        let mut time = Duration::ZERO;
        for _ in 0..calls {
            (self.prepare)(self.per_call);
            let before = self.clock.spent()?;
            (self.operation)();
            time += self.clock.spent()? - before;
        }
        Ok(time)
    }

    /// Operations that a call does.
    pub fn per_call(&self) -> u64 {
        self.per_call
    }
}

/// Whose CPU time an operation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// All threads of the process, until what the operations left behind is exported.
    Process,
    /// The calling thread, until the operations return.
    Thread,
}

impl Clock {
    /// What was spent so far.
    pub(crate) fn spent(self) -> nix::Result<Duration> {
        let id = match self {
            Clock::Process => ClockId::CLOCK_PROCESS_CPUTIME_ID,
            Clock::Thread => ClockId::CLOCK_THREAD_CPUTIME_ID,
        };
        clock_gettime(id).map(Duration::from)
    }
}

impl Case {
    /// Operations between two pauses: far below the smallest queue, which is the 2048 of OpenTelemetry's batches. More if
    /// the export is measured too, because after each the exporter is asked whether all is sent.
    pub(crate) fn burst(&self) -> u64 {
        if let Some(turn) = self.turn {
            return turn;
        }
        match self.clock {
            Clock::Process => PROCESS_BURST,
            Clock::Thread => self.per_call.max(512),
        }
    }
}

/// A quarter of our own queue.
pub(crate) const PROCESS_BURST: u64 = 2048;

/// A case by name, set up when it is called.
pub type Cases = Vec<(String, Box<dyn FnOnce() -> Case>)>;

/// Polls without a runtime until the future is ready: no case waits for anything outside its own thread.
pub(crate) fn poll_to_end<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
