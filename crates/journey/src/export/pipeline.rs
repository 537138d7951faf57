//! The export thread, from its start to its end.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use journey_model::Resource;
use opentelemetry::Context;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::config::{Batching, Destinations};
use crate::init::InitError;

use super::couriers::Couriers;
use super::lane::LaneExport;
use super::metrics::MetricExport;
use super::spans::SpanExport;
use super::stop::{self, Stop, StopSender};
use super::{ExportReport, Tally, beats};

/// What the export thread needs.
pub(crate) struct Setup {
    pub(crate) tally: Arc<Tally>,
    pub(crate) resource: Resource<'static>,
    pub(crate) destinations: Destinations,
    pub(crate) batching: Batching,
    /// Characters of a text value of a span that are sent. `None`: all.
    pub(crate) value_chars: Option<usize>,
    pub(crate) beat_interval: Duration,
}

/// A running export thread.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) tally: Arc<Tally>,
    stop: StopSender,
    ended: mpsc::Receiver<()>,
}

impl Pipeline {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no runtime or thread, or a certificate is none.
    pub(crate) fn start(setup: Setup) -> Result<Self, InitError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| InitError::start("runtime for export", &error))?;
        let (stop_sender, stop) = stop::channel();
        let couriers = Couriers::new(&setup.destinations, &setup.tally, &stop)?;
        let (end_sender, ended) = mpsc::channel();
        let tally = setup.tally.clone();
        let work = move || {
            run(&runtime, setup, couriers, stop);
            // A name lookup may hang in a thread of the runtime; nobody waits for that.
            runtime.shutdown_background();
            // Nobody listens any more if the guard gave up waiting.
            let _ = end_sender.send(());
        };
        let thread = std::thread::Builder::new().name("journey-export".into()).spawn(work);
        thread.map_err(|error| InitError::start("thread for export", &error))?;
        Ok(Self { tally, stop: stop_sender, ended })
    }

    /// Sends what waits until `deadline`, and ends the thread.
    pub(crate) fn stop(&self, deadline: Instant) -> ExportReport {
        self.stop.stop(deadline);
        let time = deadline.saturating_duration_since(Instant::now()) + GRACE;
        // It ended, or it panicked, or it is stuck: in each case what is not delivered is lost.
        let _ = self.ended.recv_timeout(time);
        let report = self.tally.report().closed();
        self.tally.clear();
        report
    }
}

/// Time for the thread to notice that its time is over.
const GRACE: Duration = Duration::from_millis(200);

fn run(runtime: &Runtime, setup: Setup, couriers: Couriers, stop: Stop) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    runtime.block_on(async {
        tokio::select! {
            () = work(setup, couriers, stop.clone()) => {}
            () = stop.overdue() => {}
        }
    });
}

async fn work(setup: Setup, couriers: Couriers, stop: Stop) {
    let Setup { tally, resource, destinations, batching, value_chars, beat_interval } = setup;
    let resource = Arc::new(resource);
    let lane = LaneExport {
        tally: tally.clone(),
        resource: resource.clone(),
        courier: couriers.lane,
        ready: ready(&tally),
        copies_ends: destinations.are_apart(),
        stop: stop.clone(),
    };
    let beats = beats::run(tally.lane.clone(), beat_interval, stop.clone());
    let spans = couriers.spans.map(|courier| SpanExport {
        tally: tally.clone(),
        resource,
        courier,
        batching,
        value_chars,
        stop: stop.clone(),
    });
    let metrics = couriers.metrics.map(|courier| MetricExport { tally: tally.clone(), courier, stop });
    let lane = async {
        lane.run().await;
        // Sampled ends may have joined the spans until now.
        tally.spans.close();
    };
    let spans = async {
        if let Some(spans) = spans {
            spans.run().await;
        }
    };
    let metrics = async {
        if let Some(metrics) = metrics {
            metrics.run().await;
        }
    };
    tokio::join!(beats, lane, spans, metrics);
}

/// Told when the lane has something.
fn ready(tally: &Tally) -> Arc<Notify> {
    let ready = Arc::new(Notify::new());
    let wake = ready.clone();
    tally.lane.on_ready(move || wake.notify_one());
    // What came before the hook was set.
    ready.notify_one();
    ready
}
