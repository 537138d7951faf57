//! `JOURNEY_CONSOLE=1`: what happened, as a tree on the error output, without a collector.
//!
//! The threads of the work only put events into a bounded queue; a thread of its own keeps the board and prints. When
//! the queue is full, events are dropped and their number is printed.

mod board;
mod entry;
mod painter;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use journey_model::{Signal, SpanRecord, attribute};
use opentelemetry_sdk::trace::SpanData;

use crate::export::span_record;
use crate::init::InitError;
use crate::limits::CONSOLE_QUEUE_EVENTS_MAX;

use entry::{Entry, Place};
use painter::Painter;

/// Hands events to the console's thread.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    events: SyncSender<Event>,
    missed: Arc<AtomicU64>,
}

/// What the console is told.
#[derive(Debug)]
enum Event {
    Started(Entry),
    Alive {
        place: Place,
        progress: Option<f64>,
        now_ns: u64,
    },
    Ended(Entry),
    /// Print what is left, and drop the sender.
    Finish(SyncSender<()>),
}

impl Console {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start() -> Result<Self, InitError> {
        Self::start_with(Painter::of_process(), std::io::stderr())
    }

    fn start_with(painter: Painter, out: impl std::io::Write + Send + 'static) -> Result<Self, InitError> {
        let (events, received) = sync_channel(CONSOLE_QUEUE_EVENTS_MAX);
        let missed = Arc::new(AtomicU64::new(0));
        let of_thread = missed.clone();
        std::thread::Builder::new()
            .name("journey-console".into())
            .spawn(move || thread::run(&received, &of_thread, painter, out))
            .map_err(|error| InitError::start("thread for the console", &error))?;
        Ok(Self { events, missed })
    }

    /// A span of the SDK began.
    pub(crate) fn span_started(&self, span: &SpanData) {
        if let Some(record) = span_record::of_span(span) {
            self.tell(Event::Started(Entry::of_span(&record)));
        }
    }

    /// A span of the SDK ended.
    pub(crate) fn span_ended(&self, span: &SpanData) {
        if let Some(record) = span_record::of_span(span) {
            self.tell(Event::Ended(Entry::of_span(&record)));
        }
    }

    /// A record joins the journey lane.
    pub(crate) fn signal(&self, record: &SpanRecord<'_>) {
        let event = match record.str(attribute::JOURNEY_SIGNAL).and_then(Signal::parse) {
            Some(Signal::Start) => Entry::of_marker(record).map(Event::Started),
            Some(Signal::Beat) => Place::of_marked(record).map(|place| Event::Alive {
                place,
                progress: record.f64(attribute::JOURNEY_STAGE_PROGRESS),
                now_ns: record.start_ns,
            }),
            Some(Signal::End) => Some(Event::Ended(Entry::of_span(record))),
            Some(Signal::Process) | None => None,
        };
        if let Some(event) = event {
            self.tell(event);
        }
    }

    /// Waits until all that was told so far is printed, at most until `deadline`.
    pub(crate) fn finish(&self, deadline: Instant) {
        let (done, is_done) = sync_channel(1);
        let mut finish = Event::Finish(done);
        while let Err(TrySendError::Full(unsent)) = self.events.try_send(finish) {
            if Instant::now() >= deadline {
                return;
            }
            finish = unsent;
            std::thread::sleep(FINISH_LOOK);
        }
        // Done, or the thread is gone, or the error output is stuck.
        let _ = is_done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.missed.fetch_add(1, Relaxed);
        }
    }
}

/// How often a shutdown looks for room in the queue.
const FINISH_LOOK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
