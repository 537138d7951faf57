//! Init, step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use journey_trace::lane::{Lane, LaneConfig};
use journey_trace::span;
use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::config::{Config, Environment, Propagation, Wishes};
use crate::console::Console;
use crate::export::{MetricSetup, Metrics, Pipeline, Setup, SpanQueue, Tally};
use crate::ids::DrawnIds;
use crate::log::{self, LogSettings};
use crate::probe::Probe;
use crate::processor::JourneyProcessor;

use super::guard::Parts;
use super::self_check::{self, Bridge};
use super::{Guard, InitError, panic_hook, start_line};

/// What a service says of itself before it starts. The environment (`OTEL_*`, `JOURNEY_*`) has the last word.
///
/// ```
/// use std::time::Duration;
///
/// let journey = journey::builder("crm-api")
///     .version("1.2.3")
///     .endpoint("http://collector:4318")
///     .beat_interval(Duration::from_secs(5))
///     .environment([("OTEL_SDK_DISABLED", "true")])
///     .init()?;
/// # Ok::<(), journey::InitError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing starts before `init`"]
pub struct Builder {
    wishes: Wishes,
    environment: Option<Environment>,
    /// Time that the service may take to end after a signal. `None`: signals are left alone.
    #[cfg_attr(not(unix), allow(dead_code))]
    drain: Option<Duration>,
}

/// Settings for a service of this name; `OTEL_SERVICE_NAME` overrides it. [`crate::init!`] is this with the version
/// of the calling crate.
pub fn builder(service: impl Into<String>) -> Builder {
    Builder {
        wishes: Wishes { service: service.into(), ..Wishes::default() },
        environment: None,
        drain: None,
    }
}

impl Builder {
    /// Version of the service. Default: none.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.wishes.version = Some(version.into());
        self
    }

    /// Revision of the source that was built, such as a git hash. Default: none.
    pub fn revision<'a>(mut self, revision: impl Into<Option<&'a str>>) -> Self {
        self.wishes.revision = revision.into().map(str::to_owned);
        self
    }

    /// Base URL of the collector. Default: `http://localhost:4318`.
    pub fn endpoint(mut self, base: impl Into<String>) -> Self {
        self.wishes.endpoint = Some(base.into());
        self
    }

    /// Base URL of the collector for the journey lane. Default: that of the spans.
    pub fn lane_endpoint(mut self, base: impl Into<String>) -> Self {
        self.wishes.lane_endpoint = Some(base.into());
        self
    }

    /// How often open stages give a sign of life, 100 ms to 1 h. The process does so too, but at least once per
    /// [`PROCESS_INTERVAL_MAX`](crate::limits::PROCESS_INTERVAL_MAX). Default: 15 s.
    pub fn beat_interval(mut self, interval: Duration) -> Self {
        self.wishes.beat_interval = Some(interval);
        self
    }

    /// Rules of head sampling for traces that begin here, such as `GET /orders/{id}=0.1, POST *=1`: method or `*`, route
    /// or path (a `*` at the end matches any rest), share of traces to keep. The first that matches decides; requests
    /// without a rule follow `OTEL_TRACES_SAMPLER`. `JOURNEY_SAMPLE` overrides it. Default: health checks are dropped.
    pub fn sample(mut self, rules: impl Into<String>) -> Self {
        self.wishes.sample = Some(rules.into());
        self
    }

    /// Takes SIGTERM and SIGINT (on Unix; elsewhere it does nothing): when one comes, what waits is sent as soon as the
    /// guard drops, or after `drain` if it has not dropped by then. Then the signal ends the process as it would have
    /// done. A further signal before that begins the last export at once; one during the export ends the process.
    ///
    /// For a service that ends by itself on a signal ([`crate::shutdown_signal`]), `drain` is the time that it may take,
    /// in Kubernetes less than the grace period minus [`SHUTDOWN_DEADLINE`](crate::limits::SHUTDOWN_DEADLINE); for one
    /// that does not, [`Duration::ZERO`]. Default: signals are left alone, and a service without an end of its own loses
    /// what waits.
    pub fn on_signals(mut self, drain: Duration) -> Self {
        self.drain = Some(drain);
        self
    }

    /// Reads these variables instead of those of the process.
    pub fn environment<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.environment = Some(Environment::new(variables));
        self
    }

    /// Starts tracing and the journey lane, and a log on the console if none was set up before.
    ///
    /// With `OTEL_SDK_DISABLED=true` nothing is sent, but the context of callers and the ids still travel on.
    ///
    /// # Errors
    /// The first variable or value that makes no sense; journey runs already; or the system gave no thread.
    pub fn init(self) -> Result<Guard, InitError> {
        let environment = self.environment.unwrap_or_else(Environment::of_process);
        if environment.is_true("OTEL_SDK_DISABLED") {
            return Ok(without_export(&environment, &self.wishes));
        }
        let config = Config::read(&environment, &self.wishes)?;
        let is_our_log = log::install(LogSettings::read(&environment)?);
        config.warnings.iter().for_each(|warning| tracing::warn!("journey: {warning}"));
        let running = Running::claim().ok_or_else(InitError::running)?;
        // A filter that was chosen may well keep the probe out.
        let is_bridged = cfg!(feature = "bridge") && is_our_log && environment.get(TRACE_FILTER).is_none();
        let bridge = if is_bridged { Bridge::Expected } else { Bridge::NotExpected };
        let guard = start(config, running, bridge)?;
        #[cfg(unix)]
        if let Some(drain) = self.drain {
            super::signals::take(guard.shared(), drain)?;
        }
        Ok(guard)
    }
}

/// The emergency switch: it must work whatever else is set, so that nothing but a line is made of what makes no sense.
fn without_export(environment: &Environment, wishes: &Wishes) -> Guard {
    let config = Config::read(environment, wishes);
    let settings = LogSettings::read(environment);
    let errors: Vec<String> =
        config.as_ref().err().into_iter().chain(settings.as_ref().err()).map(InitError::to_string).collect();
    log::install(settings.unwrap_or_default());
    let warnings = config.as_ref().map(|config| &config.warnings[..]).unwrap_or_default();
    warnings.iter().chain(&errors).for_each(|warning| tracing::warn!("journey: {warning}"));
    Propagation::read(environment).unwrap_or_else(|_| Propagation::without_hosts(environment)).install();
    tracing::info!("journey: OTEL_SDK_DISABLED is true: nothing is sent, context and ids travel on");
    Guard::disabled()
}

fn start(config: Config, running: Running, bridge: Bridge) -> Result<Guard, InitError> {
    // What can fail comes first, so that a failed init leaves nothing behind.
    let start_line = start_line::of(&config);
    let probe = Arc::new(Probe::new());
    let lane = Lane::new(LaneConfig {
        beat_interval: Some(config.beat_interval),
        root_sampler: config.sampling.root_sampler(),
    });
    let tally = Tally::new(lane.clone(), Arc::new(SpanQueue::new(config.batching)));
    let exports = config.destinations.traces.is_some();
    let console = config.console.then(Console::start).transpose()?;
    let measured = MetricSetup::of(&config);
    let pipeline = Pipeline::start(Setup {
        tally: tally.clone(),
        resource: config.resource,
        destinations: config.destinations,
        batching: config.batching,
        value_chars: config.span_size.value_chars,
        beat_interval: config.beat_interval,
    })?;
    let provider = SdkTracerProvider::builder()
        .with_sampler(config.sampling.sampler())
        .with_id_generator(DrawnIds::default())
        .with_span_limits(config.span_size.counts)
        .with_span_processor(JourneyProcessor {
            tally: tally.clone(),
            exports,
            console: console.clone(),
            probe: probe.clone(),
        })
        .build();
    let metrics = measured.map(|setup| Metrics::start(setup, &tally));
    observe(&lane, console.clone());
    config.propagation.install();
    global::set_tracer_provider(provider.clone());
    span::install(config.sampling.tracing(provider.tracer(span::SCOPE_NAME)));
    lane.sign_of_life();
    lane.install_this();
    panic_hook::chain();
    tracing::info!("{start_line}");
    let warnings = self_check::warnings(&probe, &config.sampling, bridge);
    warnings.iter().for_each(|warning| tracing::warn!("journey: {warning}"));
    Ok(Guard::running(Parts { pipeline, provider, metrics, console, _running: running }))
}

/// Shows each record of the lane to whoever else is interested.
fn observe(lane: &Lane, console: Option<Console>) {
    if console.is_none() && !cfg!(feature = "testing") {
        return;
    }
    lane.on_record(move |record| {
        if let Some(console) = &console {
            console.signal(record);
        }
        #[cfg(feature = "testing")]
        crate::testing::signal(record);
    });
}

/// The right to be the only one: two guards would fight over the global tracer.
#[derive(Debug)]
pub(crate) struct Running;

impl Running {
    /// Whether somebody has claimed it.
    #[cfg(feature = "testing")]
    pub(crate) fn is_claimed() -> bool {
        IS_RUNNING.load(SeqCst)
    }

    fn claim() -> Option<Self> {
        IS_RUNNING.compare_exchange(false, true, SeqCst, SeqCst).is_ok().then_some(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        IS_RUNNING.store(false, SeqCst);
    }
}

const TRACE_FILTER: &str = "JOURNEY_TRACE_FILTER";

static IS_RUNNING: AtomicBool = AtomicBool::new(false);
