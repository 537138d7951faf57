//! The journey lane: where stages report to, past every sampler and span processor.
//!
//! Goes in: the start and end of each stage, a beat for each open one when told the time, a word of the process.
//! Comes out: batches of records, for whoever sends them. No thread and no socket is here, and nothing blocks: a
//! full queue drops beats first, then process signals, then starts, and ends last, each counted by kind.

mod attempt;
mod clock;
mod current;
mod open;
mod process;
mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use journey_model::{ProcessState, SpanRecord};
use opentelemetry::trace::TraceId;

use crate::limits::LANE_QUEUE_RECORDS_MAX;

pub(crate) use attempt::{Attempt, Ending, Origin, Work};
use open::OpenStages;
pub use queue::Dropped;
use queue::{Class, Queue};

/// Decides whether a trace that starts with a stage is kept by head sampling.
pub type RootSampler = Arc<dyn Fn(TraceId) -> bool + Send + Sync>;

/// How a lane is set up.
#[derive(Clone)]
pub struct LaneConfig {
    /// How often [`Lane::beat`] is going to be called, told to readers in each marker. `None`: no beats.
    pub beat_interval: Option<Duration>,
    /// Asked for a stage without parent.
    pub root_sampler: RootSampler,
}

/// What a lane lost, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneCounters {
    /// Records that a full or closed queue dropped.
    pub dropped: Dropped,
    /// Starts and ends of stages that came after the lane was closed. They are among `dropped`.
    pub late: u64,
    /// Stages that had no beats, because [`crate::limits::OPEN_STAGES_MAX`] others were open.
    pub without_beats: u64,
}

/// One journey lane. A process installs one; a test may put its own into a `Context`
/// ([`crate::ContextExt::with_lane`]).
///
/// ```
/// use std::sync::Arc;
/// use journey_trace::lane::{Lane, LaneConfig};
/// use journey_trace::{ContextExt, stage};
/// use opentelemetry::Context;
///
/// let lane = Lane::new(LaneConfig { beat_interval: None, root_sampler: Arc::new(|_| true) });
/// stage("order_create").parent(&Context::new().with_lane(lane.clone())).start().end();
/// let signals: Vec<_> =
///     lane.take_batch(10).iter().map(|record| record.str("journey.signal").unwrap().to_owned()).collect();
/// assert_eq!(signals, ["start", "end"]);
/// ```
pub struct Lane {
    config: LaneConfig,
    queue: Mutex<Queue>,
    open: OpenStages,
    ready: OnceLock<Box<dyn Fn() + Send + Sync>>,
    observer: OnceLock<Observer>,
}

/// Is shown each record.
type Observer = Box<dyn Fn(&SpanRecord<'static>) + Send + Sync>;

impl Lane {
    /// A lane of its own, not installed.
    pub fn new(config: LaneConfig) -> Arc<Lane> {
        Arc::new(Self {
            config,
            queue: Mutex::new(Queue::new(LANE_QUEUE_RECORDS_MAX)),
            open: OpenStages::default(),
            ready: OnceLock::new(),
            observer: OnceLock::new(),
        })
    }

    /// Sets what is called after each record that joins the queue, on the thread of the work; it must return at
    /// once. The first call decides.
    pub fn on_ready(&self, ready: impl Fn() + Send + Sync + 'static) {
        // A second hook would mean two senders of one lane.
        let _ = self.ready.set(Box::new(ready));
    }

    /// Sets what is shown each record, still without its number, before it joins the queue, on the thread of the work;
    /// it must return at once. The first call decides.
    pub fn on_record(&self, observe: impl Fn(&SpanRecord<'static>) + Send + Sync + 'static) {
        // A second one would be told half of the story: what came before it is gone.
        let _ = self.observer.set(Box::new(observe));
    }

    /// Reports that each open stage still runs. `now` measures how long its work has been idle.
    pub fn beat(&self, now: Instant) {
        let Some(interval) = self.config.beat_interval else { return };
        for attempt in self.open.all() {
            attempt.unless_ended(|| self.push(Class::Beat, attempt.beat(interval, now)));
        }
    }

    /// Reports that the process runs, with the last number that it used.
    pub fn sign_of_life(&self) {
        let record = process::signal(ProcessState::Running);
        self.lock().push_with_last_number(Class::Process, record);
        self.wake();
    }

    /// Takes the oldest records, at most `max`.
    pub fn take_batch(&self, max: usize) -> Vec<SpanRecord<'static>> {
        let mut queue = self.lock();
        let len = queue.len().min(max);
        std::iter::from_fn(|| queue.pop()).take(len).collect()
    }

    /// Number of records that wait.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no record waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says that the process stops, and closes: a beat of another thread cannot come in between and contradict it. Later
    /// starts and ends are dropped and counted, later signs of life are passed over. What waits can still be taken.
    pub fn last_word(&self) {
        let record = process::signal(ProcessState::Stopping);
        // It explains the silence of this instance for ever, so it counts as an end.
        let mut queue = self.lock();
        queue.push_with_last_number(Class::End, record);
        queue.close();
        drop(queue);
        self.wake();
    }

    /// What was lost so far.
    pub fn counters(&self) -> LaneCounters {
        let queue = self.lock();
        LaneCounters { dropped: queue.dropped(), late: queue.late(), without_beats: self.open.refused() }
    }

    /// Number of stages that are open, of those that get beats.
    pub fn open_stages(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn keeps_root(&self, trace_id: TraceId) -> bool {
        (self.config.root_sampler)(trace_id)
    }

    /// Reports a start, and beats for the attempt from now on.
    pub(crate) fn start(&self, attempt: &Arc<Attempt>) {
        self.push_numbered(Class::Start, attempt.start_marker(self.config.beat_interval));
        if self.config.beat_interval.is_some() {
            self.open.insert(attempt);
        }
    }

    /// Reports the end; no beat comes after it.
    pub(crate) fn end(&self, attempt: &Arc<Attempt>, ending: Ending) {
        self.open.remove(attempt);
        attempt.mark_ended();
        self.push_numbered(Class::End, attempt.end(ending));
    }

    fn push(&self, class: Class, record: SpanRecord<'static>) {
        self.show(&record);
        self.lock().push(class, record);
        self.wake();
    }

    fn push_numbered(&self, class: Class, record: SpanRecord<'static>) {
        self.show(&record);
        self.lock().push_numbered(class, record);
        self.wake();
    }

    fn show(&self, record: &SpanRecord<'static>) {
        if let Some(observe) = self.observer.get() {
            observe(record);
        }
    }

    fn wake(&self) {
        if let Some(ready) = self.ready.get() {
            ready();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue's own code does not panic; if it ever did, a lane that goes on is the lesser evil.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("len", &self.len()).field("counters", &self.counters()).finish()
    }
}
