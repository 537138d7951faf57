//! Metrics of messages, see the table in the [crate docs](crate).

use std::hash::Hash;
use std::time::Duration;

use journey_trace::attribute::{ERROR_TYPE, JOURNEY_MESSAGING_OUTCOME};
use journey_trace::metrics::{Counts, Durations, Family, HTTP_BUCKETS_S, Labels, LabelsKey, Series};
use opentelemetry::metrics::{Meter, ObservableGauge};
use opentelemetry::{KeyValue, StringValue};

use crate::attributes::{CALL, Operation};
use crate::channel::State;
use crate::destination::Destination;
use crate::outcome::CallOutcome;
use crate::watch;

/// A call to the broker took this long: a publish until its confirm, a settlement, a `get`.
pub(crate) fn operation(sample: &Sample<'_>, duration: Duration) {
    MESSAGING.with(|messaging| messaging.operation.record(sample, duration));
}

/// A delivery was in its handler's hands this long.
pub(crate) fn process(sample: &Sample<'_>, duration: Duration) {
    MESSAGING.with(|messaging| messaging.process.record(&sample.without_kind(), duration));
}

/// The broker was given a message, whatever it did with it.
pub(crate) fn sent(sample: &Sample<'_>) {
    MESSAGING.with(|messaging| messaging.sent.add(&sample.without_kind(), 1));
}

/// Messages were handed over.
pub(crate) fn consumed(sample: &Sample<'_>, messages: u64) {
    MESSAGING.with(|messaging| messaging.consumed.add(&sample.without_kind(), messages));
}

/// How a publish or a delivery ended.
pub(crate) fn outcome(operation: Operation, destination: &Destination, outcome: &'static str) {
    let labels = [
        (OPERATION_NAME, operation.name),
        (DESTINATION, destination.lasting_name().unwrap_or_default()),
        (JOURNEY_MESSAGING_OUTCOME, outcome),
    ];
    MESSAGING.with(|messaging| messaging.outcomes.add(&Labels(&labels), 1));
}

/// An answer came that nobody waits for any more; which question it was for is not known.
pub(crate) fn late_answer() {
    let labels = [
        (OPERATION_NAME, CALL.name),
        (DESTINATION, ""),
        (JOURNEY_MESSAGING_OUTCOME, CallOutcome::Late.as_str()),
    ];
    MESSAGING.with(|messaging| messaging.outcomes.add(&Labels(&labels), 1));
}

/// A message was handed over: how long it had waited, and whether it was handed out before.
pub(crate) fn arrived(destination: &Destination, waited: Option<Duration>, is_again: bool) {
    MESSAGING.with(|messaging| {
        let labels = [(DESTINATION, destination.lasting_name().unwrap_or_default())];
        if let Some(waited) = waited {
            messaging.queue.record(&Labels(&labels), waited);
        }
        if is_again {
            messaging.redelivered.add(&Labels(&labels), 1);
        }
    });
}

/// A consumer gets no messages any more, although nobody cancelled it.
pub(crate) fn consumer_lost(queue: &str) {
    MESSAGING.with(|messaging| messaging.lost.add(&Labels(&[(DESTINATION, queue)]), 1));
}

/// A delivery is about to exceed the acknowledgement timeout.
pub(crate) fn overdue(queue: &str) {
    MESSAGING.with(|messaging| messaging.overdue.add(&Labels(&[(DESTINATION, queue)]), 1));
}

/// The attributes that the conventions give the samples of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sample<'a> {
    operation: Operation,
    has_kind: bool,
    template: Option<&'static str>,
    destination: Option<&'a str>,
    error_type: Option<&'a str>,
    server: Option<(&'a str, u16)>,
}

impl<'a> Sample<'a> {
    pub(crate) fn new(
        operation: Operation,
        destination: &'a Destination,
        error_type: Option<&'a str>,
        state: &'a State,
    ) -> Self {
        let template = destination.template;
        // A name that a template stands for is not of low cardinality.
        let lasting = destination.lasting_name().filter(|_| template.is_none());
        let server = state.config.broker.as_ref().map(|broker| (&*broker.address, broker.port));
        Self {
            operation,
            has_kind: !operation.kind.is_empty(),
            template,
            destination: lasting,
            error_type,
            server,
        }
    }

    /// Only durations of calls tell the type of the operation.
    fn without_kind(mut self) -> Self {
        self.has_kind = false;
        self
    }
}

/// [`Sample`], owned.
pub(crate) struct SampleKey {
    operation: Operation,
    has_kind: bool,
    template: Option<&'static str>,
    destination: Option<Box<str>>,
    error_type: Option<Box<str>>,
    server: Option<(Box<str>, u16)>,
}

impl Series for Sample<'_> {
    type Key = SampleKey;

    fn to_key(&self) -> SampleKey {
        SampleKey {
            operation: self.operation,
            has_kind: self.has_kind,
            template: self.template,
            destination: self.destination.map(Box::from),
            error_type: self.error_type.map(Box::from),
            server: self.server.map(|(address, port)| (address.into(), port)),
        }
    }

    fn is(&self, key: &SampleKey) -> bool {
        *self
            == Sample {
                operation: key.operation,
                has_kind: key.has_kind,
                template: key.template,
                destination: key.destination.as_deref(),
                error_type: key.error_type.as_deref(),
                server: key.server.as_ref().map(|(address, port)| (&**address, *port)),
            }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let text = |key, text: &str| KeyValue::new(key, StringValue::from(text.to_owned()));
        let mut attributes = vec![
            KeyValue::new("messaging.system", "rabbitmq"),
            KeyValue::new(OPERATION_NAME, self.operation.name),
        ];
        attributes
            .extend(self.has_kind.then(|| KeyValue::new("messaging.operation.type", self.operation.kind)));
        attributes.extend(self.destination.map(|name| text(DESTINATION, name)));
        attributes.extend(self.template.map(|name| KeyValue::new("messaging.destination.template", name)));
        attributes.extend(self.error_type.map(|error| text(ERROR_TYPE, error)));
        if let Some((address, port)) = self.server {
            attributes.push(text("server.address", address));
            attributes.push(KeyValue::new("server.port", i64::from(port)));
        }
        attributes
    }
}

struct Messaging {
    operation: Durations<SampleKey>,
    process: Durations<SampleKey>,
    sent: Counts<SampleKey>,
    consumed: Counts<SampleKey>,
    queue: Durations<LabelsKey>,
    outcomes: Counts<LabelsKey>,
    redelivered: Counts<LabelsKey>,
    overdue: Counts<LabelsKey>,
    lost: Counts<LabelsKey>,
    /// Read when somebody collects, so nothing is counted per message.
    _unsettled: (ObservableGauge<u64>, ObservableGauge<f64>),
}

static MESSAGING: Family<Messaging> = Family::new(|meter| Messaging {
    operation: Durations::new(
        meter,
        "messaging.client.operation.duration",
        "Duration of messaging operation initiated by a producer or consumer client.",
        HTTP_BUCKETS_S,
    ),
    process: Durations::new(
        meter,
        "messaging.process.duration",
        "Duration of processing operation.",
        HTTP_BUCKETS_S,
    ),
    sent: Counts::new(
        meter,
        "messaging.client.sent.messages",
        "Number of messages producer attempted to send to the broker.",
        "{message}",
    ),
    consumed: Counts::new(
        meter,
        "messaging.client.consumed.messages",
        "Number of messages that were delivered to the application.",
        "{message}",
    ),
    queue: Durations::new(
        meter,
        "journey.messaging.queue.duration",
        "Time between publish and hand-over.",
        QUEUE_BUCKETS_S,
    ),
    outcomes: Counts::new(
        meter,
        "journey.messaging.outcomes",
        "Number of publishes, deliveries and calls that ended, by how.",
        "{message}",
    ),
    redelivered: Counts::new(
        meter,
        "journey.messaging.redeliveries",
        "Number of deliveries that were not the first of their message.",
        "{message}",
    ),
    overdue: Counts::new(
        meter,
        "journey.messaging.overdue",
        "Number of deliveries that came near the acknowledgement timeout.",
        "{message}",
    ),
    lost: Counts::new(
        meter,
        "journey.messaging.consumers_lost",
        "Number of consumers that ended without being cancelled.",
        "{consumer}",
    ),
    _unsettled: unsettled(meter),
});

fn unsettled(meter: &Meter) -> (ObservableGauge<u64>, ObservableGauge<f64>) {
    let of_queue = |queue: &str| {
        (!queue.is_empty())
            .then(|| KeyValue::new(DESTINATION, queue.to_owned()))
            .into_iter()
            .collect::<Vec<_>>()
    };
    let count = meter
        .u64_observable_gauge("journey.messaging.unsettled.count")
        .with_unit("{message}")
        .with_description("Number of deliveries that are not settled.")
        .with_callback(move |observer| {
            watch::unsettled(|queue, held| observer.observe(held.count, &of_queue(queue)));
        });
    let age = meter
        .f64_observable_gauge("journey.messaging.unsettled.age")
        .with_unit("s")
        .with_description("Age of the oldest delivery that is not settled.")
        .with_callback(move |observer| {
            watch::unsettled(|queue, held| observer.observe(held.oldest.as_secs_f64(), &of_queue(queue)));
        });
    (count.build(), age.build())
}

const OPERATION_NAME: &str = "messaging.operation.name";
const DESTINATION: &str = "messaging.destination.name";

/// From a message that is taken at once to one that waits for a weekend to end.
const QUEUE_BUCKETS_S: &[f64] =
    &[0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0];
