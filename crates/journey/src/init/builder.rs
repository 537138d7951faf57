//! Init, step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use journey_model::ProcessState;
use journey_trace::lane::{Lane, LaneConfig};
use journey_trace::{propagation, span};
use opentelemetry::global;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::config::{Config, Environment, Wishes};
use crate::export::{Pipeline, Setup, SpanQueue, Tally};
use crate::log;
use crate::processor::JourneyProcessor;

use super::{Guard, InitError, panic_hook};

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
}

/// Settings for a service of this name; `OTEL_SERVICE_NAME` overrides it. [`crate::init!`] is this with the version
/// of the calling crate.
pub fn builder(service: impl Into<String>) -> Builder {
    Builder { wishes: Wishes { service: service.into(), ..Wishes::default() }, environment: None }
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
        let config = Config::read(&environment, &self.wishes)?;
        log::install();
        config.warnings.iter().for_each(|warning| tracing::warn!("journey: {warning}"));
        if environment.is_true("OTEL_SDK_DISABLED") {
            propagation::set_propagate_to(&config.propagate_to);
            tracing::info!("journey: OTEL_SDK_DISABLED is true: nothing is sent, context and ids travel on");
            return Ok(Guard::disabled());
        }
        let running = Running::claim().ok_or_else(InitError::running)?;
        start(config, running)
    }
}

fn start(config: Config, running: Running) -> Result<Guard, InitError> {
    // What can fail comes first, so that a failed init leaves nothing behind.
    let start_line = start_line(&config);
    let lane = Lane::new(LaneConfig {
        beat_interval: Some(config.beat_interval),
        root_sampler: config.sampling.root_sampler(),
    });
    let tally = Tally::new(lane.clone(), Arc::new(SpanQueue::default()));
    let exports = config.destinations.traces.is_some();
    let pipeline = Pipeline::start(Setup {
        tally: tally.clone(),
        resource: config.resource,
        destinations: config.destinations,
        beat_interval: config.beat_interval,
    })?;
    let provider = SdkTracerProvider::builder()
        .with_sampler(config.sampling.sampler())
        .with_span_processor(JourneyProcessor { tally, exports })
        .build();
    propagation::set_propagate_to(&config.propagate_to);
    global::set_tracer_provider(provider.clone());
    span::install_tracer(global::tracer(span::SCOPE_NAME), config.sampling.follows_parent);
    lane.process(ProcessState::Running);
    lane.install_this();
    panic_hook::chain();
    tracing::info!("{start_line}");
    Ok(Guard::running(pipeline, provider, running))
}

/// The effective configuration in one line, without secrets.
fn start_line(config: &Config) -> String {
    let traces = config.destinations.traces.as_ref().map_or_else(|| "none".into(), ToString::to_string);
    format!(
        "journey: {} {} starts: traces to {traces}, journey lane to {}, sampler {}, beats every {:?}, \
         OpenTelemetry {}",
        config.service(),
        config.resource.str(journey_model::attribute::SERVICE_VERSION).unwrap_or("without version"),
        config.destinations.lane,
        config.sampling.text,
        config.beat_interval,
        config.resource.str("telemetry.sdk.version").unwrap_or_default(),
    )
}

/// The right to be the only one: two guards would fight over the global tracer.
#[derive(Debug)]
pub(super) struct Running;

impl Running {
    fn claim() -> Option<Self> {
        IS_RUNNING.compare_exchange(false, true, SeqCst, SeqCst).is_ok().then_some(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        IS_RUNNING.store(false, SeqCst);
    }
}

static IS_RUNNING: AtomicBool = AtomicBool::new(false);
