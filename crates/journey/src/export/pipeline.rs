//! The export thread, from its start to its end.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use journey_model::Resource;
use opentelemetry::Context;
use reqwest::{Client, redirect};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::config::{Destinations, Endpoint};
use crate::init::InitError;
use crate::limits::{
    CONNECT_TIMEOUT, LANE_RETRY_FOR, LANE_RETRY_PAUSE_MAX, SPAN_RETRY_FOR, SPAN_RETRY_PAUSE_MAX,
};

use super::courier::{Courier, Patience};
use super::lane::LaneExport;
use super::outage::Outage;
use super::spans::SpanExport;
use super::stop::{self, Stop, StopSender};
use super::{ExportReport, Tally, beats};

/// What the export thread needs.
pub(crate) struct Setup {
    pub(crate) tally: Arc<Tally>,
    pub(crate) resource: Resource<'static>,
    pub(crate) destinations: Destinations,
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
    /// The system gives no runtime, client or thread.
    pub(crate) fn start(setup: Setup) -> Result<Self, InitError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| InitError::start("runtime for export", &error))?;
        let client = client(setup.destinations.timeout)
            .map_err(|error| InitError::start("HTTP client for export", &error))?;
        let (stop_sender, stop) = stop::channel();
        let (end_sender, ended) = mpsc::channel();
        let tally = setup.tally.clone();
        let work = move || {
            run(&runtime, setup, client, stop);
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
        self.tally.report().closed()
    }
}

/// Time for the thread to notice that its time is over.
const GRACE: Duration = Duration::from_millis(200);

fn run(runtime: &Runtime, setup: Setup, client: Client, stop: Stop) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    runtime.block_on(async {
        tokio::select! {
            () = work(setup, client, stop.clone()) => {}
            () = stop.overdue() => {}
        }
    });
}

async fn work(setup: Setup, client: Client, stop: Stop) {
    let Setup { tally, resource, destinations, beat_interval } = setup;
    let ready = Arc::new(Notify::new());
    let wake = ready.clone();
    tally.lane.on_ready(move || wake.notify_one());
    // What came before the hook was set.
    ready.notify_one();
    let copies_ends = destinations.are_apart();
    let resource = Arc::new(resource);
    let lane_outage = Outage::new(destinations.lane.to_string(), tally.clone());
    let spans_outage = match &destinations.traces {
        Some(traces) if copies_ends => Outage::new(traces.to_string(), tally.clone()),
        _ => lane_outage.clone(),
    };
    let courier = |endpoint: Endpoint, outage, patience| Courier {
        client: client.clone(),
        endpoint,
        outage,
        patience,
        stop: stop.clone(),
    };
    let lane = LaneExport {
        tally: tally.clone(),
        resource: resource.clone(),
        courier: courier(destinations.lane, lane_outage, LANE_PATIENCE),
        ready,
        copies_ends,
        stop: stop.clone(),
    };
    let beats = beats::run(tally.lane.clone(), beat_interval, stop.clone());
    let spans = destinations.traces.map(|traces| SpanExport {
        tally: tally.clone(),
        resource,
        courier: courier(traces, spans_outage, SPAN_PATIENCE),
        stop: stop.clone(),
    });
    let spans = async {
        if let Some(spans) = spans {
            spans.run().await;
        }
    };
    let lane = async {
        lane.run().await;
        // Sampled ends may have joined the spans until now.
        tally.spans.close();
    };
    tokio::join!(beats, lane, spans);
}

/// Built here, whatever features other crates switch on: a collector is a neighbour, so no proxy and no redirect.
fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .user_agent(concat!("journey/", env!("CARGO_PKG_VERSION")))
        .build()
}

const LANE_PATIENCE: Patience = Patience { pause_max: LANE_RETRY_PAUSE_MAX, retry_for: LANE_RETRY_FOR };
const SPAN_PATIENCE: Patience = Patience { pause_max: SPAN_RETRY_PAUSE_MAX, retry_for: SPAN_RETRY_FOR };
