//! Metrics, from the instruments to the export thread.
//!
//! The SDK's own thread collects every interval; its exporter only encodes and puts the body into a small bounded
//! queue. The export thread posts it, so neither measuring nor collecting ever waits for a collector.

mod encoder;
mod health;
mod queue;
mod way_out;

use std::sync::{Arc, Mutex, PoisonError};

use journey_model::{Resource, Value};
use journey_trace::span::SCOPE_NAME;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::metrics::noop::NoopMeterProvider;
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, global};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

use crate::config::{Config, MetricExport as Collection, Protocol};

use super::Tally;
use encoder::Encoder;
pub(crate) use queue::MetricQueue;
pub(super) use way_out::MetricExport;

/// What metrics are made with.
#[derive(Debug)]
pub(crate) struct MetricSetup {
    resource: Resource<'static>,
    collection: Collection,
    spoken: Spoken,
}

/// How each kind of signal is exported, if it is.
#[derive(Debug, Clone, Copy)]
struct Spoken {
    spans: Option<Protocol>,
    lane: Option<Protocol>,
    metrics: Protocol,
}

impl MetricSetup {
    /// `None` if metrics are not exported.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let destinations = &config.destinations;
        let spoken = Spoken {
            spans: destinations.traces.as_ref().map(|endpoint| endpoint.protocol),
            lane: destinations.lane.as_ref().map(|endpoint| endpoint.protocol),
            metrics: destinations.metrics.as_ref()?.protocol,
        };
        Some(Self { resource: config.resource.clone(), collection: config.metrics, spoken })
    }
}

/// The meter provider of the process, from init to shutdown.
#[derive(Debug)]
pub(crate) struct Metrics {
    provider: SdkMeterProvider,
    queue: Arc<MetricQueue>,
}

impl Metrics {
    /// Measures from now on: the hops, the export itself, and whatever instruments the service makes of the global
    /// meter provider.
    pub(crate) fn start(setup: MetricSetup, tally: &Arc<Tally>) -> Self {
        let MetricSetup { resource, collection, spoken } = setup;
        let queue = tally.metrics.clone();
        let encoder = Encoder { queue: queue.clone(), temporality: collection.temporality };
        let provider = SdkMeterProvider::builder()
            .with_resource(to_sdk(&resource))
            .with_reader(PeriodicReader::builder(encoder).with_interval(collection.interval).build())
            .build();
        let scope = InstrumentationScope::builder(SCOPE_NAME)
            .with_schema_url(journey_model::attribute::SEMCONV_SCHEMA_URL)
            .build();
        let meter = provider.meter_with_scope(scope);
        health::observe(&meter, tally, spoken);
        global::set_meter_provider(provider.clone());
        journey_trace::metrics::install(&meter);
        Self { provider, queue }
    }

    /// Collects now, in a thread of its own: a callback of the service that hangs must not hang a flush. Until it is
    /// done the queue counts as not empty.
    pub(crate) fn collect(&self) {
        let Some(collecting) = self.queue.begin_collecting() else { return };
        let provider = self.provider.clone();
        apart(move || {
            // It fails if the reader's thread is gone; then nothing comes any more.
            let _ = provider.force_flush();
            drop(collecting);
        });
    }

    /// Measures nothing any more, and collects for the last time, in a thread of its own. The queue closes when that
    /// is done.
    pub(crate) fn stop(self) {
        journey_trace::metrics::uninstall();
        global::set_meter_provider(NoopMeterProvider::new());
        apart(move || {
            let _ = self.provider.shutdown();
            self.queue.close();
        });
    }
}

/// Runs `work` in a thread; here, if the system gives none.
fn apart(work: impl FnOnce() + Send + 'static) {
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = {
        let work = work.clone();
        move || take(&work).map(|work| work()).unwrap_or_default()
    };
    if std::thread::Builder::new().name("journey-metrics".into()).spawn(taken).is_err() {
        take(&work).map(|work| work()).unwrap_or_default();
    }
}

fn take<W>(work: &Mutex<Option<W>>) -> Option<W> {
    work.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The same resource as the spans have.
fn to_sdk(resource: &Resource<'static>) -> opentelemetry_sdk::Resource {
    let attributes = resource
        .attributes
        .iter()
        .map(|attribute| KeyValue::new(attribute.key.to_string(), value(&attribute.value)));
    opentelemetry_sdk::Resource::builder_empty().with_attributes(attributes).build()
}

fn value(value: &Value<'_>) -> opentelemetry::Value {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Double(number) => (*number).into(),
        Value::Int(number) => (*number).into(),
        Value::Str(text) => text.to_string().into(),
        Value::StrArray(texts) => {
            let texts = texts.iter().map(|text| StringValue::from(text.to_string()));
            opentelemetry::Value::Array(Array::String(texts.collect()))
        }
    }
}
