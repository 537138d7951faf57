//! The start of a delivery's span.

use std::sync::Arc;

use journey_trace::attribute::{
    JOURNEY_MESSAGING_ATTEMPT, JOURNEY_MESSAGING_DEAD_LETTER_AGE, JOURNEY_MESSAGING_DEAD_LETTER_COUNT,
    JOURNEY_MESSAGING_DEAD_LETTER_QUEUE, JOURNEY_MESSAGING_DEAD_LETTER_REASON, JOURNEY_MESSAGING_LINK,
    JOURNEY_MESSAGING_PROPAGATION, JOURNEY_MESSAGING_QUEUE_TIME, JOURNEY_MESSAGING_QUEUE_TIME_SOURCE,
    JOURNEY_MESSAGING_REDELIVERED, JOURNEY_MESSAGING_STREAM_OFFSET,
};
use journey_trace::metrics::is_installed;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use journey_trace::{CellHandle, ContextExt as _, SpanGuard};
use lapin::message::Delivery;
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use crate::Propagation;
use crate::consumer::{Source, Taken};
use crate::destination::{Destination, Place};
use crate::headers::{self, Arrived};
use crate::history::{self, Deaths, MessageKey, QueueTime};
use crate::metrics::{self, Sample};
use crate::unsettled::{Beginning, OpenDelivery, SharedSpan, Work};
use crate::{attributes, settings::Settings};

/// Hands a message over: it has a span of its own from here on.
pub(super) fn alone(delivery: Delivery, source: &Arc<Source>) -> Arc<OpenDelivery> {
    let beginning = begin_alone(&delivery, source);
    OpenDelivery::new(delivery, source, beginning)
}

fn begin_alone(delivery: &Delivery, source: &Source) -> Beginning {
    let arrived = Arrived::of(&delivery.properties);
    let message = Message::of(delivery, &arrived);
    let destination = source.state.destination(Place::of(delivery, &source.queue));
    let propagation = propagation(&message, &source.state.config.settings);
    let (parent, ambient) = parent(&message, propagation);
    let mut key = None;
    let span = SpanGuard::start_described(SpanKind::Consumer, &Hint::default(), &parent, || {
        key = message.key();
        let before = history::attempt_before(&arrived, key.as_ref(), message.attempt);
        let creator = message.creation.clone().filter(|_| propagation != Propagation::New);
        Described {
            name: destination.span_name(source.operation.name),
            attributes: describe(&message, &destination, propagation, source),
            links: links(creator, ambient, before),
        }
    });
    measure(&message, &destination, source);
    // A link leads somewhere only if somebody sees that span; and what needs no acknowledgement never comes again.
    let key = key.filter(|_| span.is_recording() && !source.no_ack);
    let (context, since) = (span.context().clone(), span.started());
    let work = Work::Alone { span, error_type: None };
    Beginning { destination, context, attempt: message.attempt, key, since, work }
}

/// Hands a message over as one of a batch: under the span of all, with a cell of its own.
pub(super) fn in_batch(
    taken: Taken,
    source: &Arc<Source>,
    destination: &Arc<Destination>,
    span: &Arc<SharedSpan>,
    batch: &Context,
) -> Arc<OpenDelivery> {
    let Taken { delivery, since } = taken;
    let arrived = Arrived::of(&delivery.properties);
    let message = Message::of(&delivery, &arrived);
    let own = headers::context(&arrived, None);
    let context = match CellHandle::of(&own) {
        Some(cell) => batch.with_shared_cell(cell),
        None => batch.clone(),
    };
    metrics::arrived(destination, message.waited.map(|time| time.waited), message.attempt > 1);
    let is_seen = batch.span().is_recording() && !source.no_ack;
    let (attempt, key) = (message.attempt, if is_seen { message.key() } else { None });
    let (destination, work) = (Arc::clone(destination), Work::InBatch(Arc::clone(span)));
    let beginning = Beginning { destination, context, attempt, key, since, work };
    OpenDelivery::new(delivery, source, beginning)
}

/// What the span of a batch is linked to for one of its messages: the creator, and the attempt before.
pub(crate) fn links_of_one(delivery: &Delivery) -> Vec<Link> {
    let arrived = Arrived::of(&delivery.properties);
    let message = Message::of(delivery, &arrived);
    let before = history::attempt_before(&arrived, message.key().as_ref(), message.attempt);
    links(message.creation, None, before)
}

/// What is known of a message before its span starts.
struct Message<'a> {
    delivery: &'a Delivery,
    arrived: &'a Arrived<'a>,
    creation: Option<SpanContext>,
    deaths: Deaths<'a>,
    attempt: i64,
    waited: Option<QueueTime>,
}

impl<'a> Message<'a> {
    fn of(delivery: &'a Delivery, arrived: &'a Arrived<'a>) -> Self {
        let deaths = Deaths::of(arrived);
        let attempt = history::attempt(arrived, &deaths, delivery.redelivered);
        let (creation, waited) = (arrived.creation(), QueueTime::of(arrived));
        Self { delivery, arrived, creation, deaths, attempt, waited }
    }

    fn key(&self) -> Option<MessageKey> {
        self.creation.as_ref().map(|creation| MessageKey::of(self.delivery, creation))
    }
}

/// The producer's wish, else the consumer's; but no message is a child in a trace that the gateway has decided about.
fn propagation(message: &Message<'_>, settings: &Settings) -> Propagation {
    let wished = message.arrived.propagation.unwrap_or(settings.propagation);
    let is_old = message.waited.is_some_and(|time| time.waited > settings.fresh_within);
    match wished {
        Propagation::Child if is_old => Propagation::Link,
        wished => wished,
    }
}

/// The context under which the span starts, always with a cell; and the span that is active where the message is
/// handed over, if there is one.
fn parent(message: &Message<'_>, propagation: Propagation) -> (Context, Option<SpanContext>) {
    let creator = message.creation.clone().filter(|_| propagation == Propagation::Child);
    let context = headers::context(message.arrived, creator);
    Context::map_current(|current| {
        let ambient = current.span().span_context().clone();
        let context =
            if current.is_telemetry_suppressed() { context.with_telemetry_suppressed() } else { context };
        (context, Some(ambient).filter(SpanContext::is_valid))
    })
}

fn describe(
    message: &Message<'_>,
    destination: &Destination,
    propagation: Propagation,
    source: &Source,
) -> Vec<KeyValue> {
    let Message { delivery, arrived, deaths, attempt, waited, .. } = message;
    let properties = Some(&delivery.properties);
    let mut attributes = attributes::common(source.operation, destination, properties, &source.state);
    attributes.push(attributes::delivery_tag(delivery.delivery_tag));
    attributes.push(KeyValue::new(JOURNEY_MESSAGING_REDELIVERED, delivery.redelivered));
    attributes.push(KeyValue::new(JOURNEY_MESSAGING_ATTEMPT, *attempt));
    if propagation != Propagation::Child {
        attributes.push(KeyValue::new(JOURNEY_MESSAGING_PROPAGATION, propagation.as_str()));
    }
    if let Some(QueueTime { waited, source }) = waited {
        attributes.push(KeyValue::new(JOURNEY_MESSAGING_QUEUE_TIME, waited.as_secs_f64()));
        attributes.push(KeyValue::new(JOURNEY_MESSAGING_QUEUE_TIME_SOURCE, *source));
    }
    if let Some(offset) = arrived.stream_offset {
        attributes.push(KeyValue::new(JOURNEY_MESSAGING_STREAM_OFFSET, offset));
    }
    if deaths.count > 0 {
        describe_deaths(deaths, &mut attributes);
    }
    attributes
}

fn describe_deaths(deaths: &Deaths<'_>, attributes: &mut Vec<KeyValue>) {
    attributes.push(KeyValue::new(JOURNEY_MESSAGING_DEAD_LETTER_COUNT, deaths.count));
    let texts = [
        (JOURNEY_MESSAGING_DEAD_LETTER_QUEUE, deaths.first_queue),
        (JOURNEY_MESSAGING_DEAD_LETTER_REASON, deaths.first_reason),
    ];
    attributes.extend(texts.into_iter().filter_map(|(key, text)| Some(KeyValue::new(key, text?.to_owned()))));
    if let Some(age) = deaths.age() {
        attributes.push(KeyValue::new(JOURNEY_MESSAGING_DEAD_LETTER_AGE, age.as_secs_f64()));
    }
}

/// The creator, which may be the parent too; the span that is active where the message is handed over; and the attempt
/// before.
fn links(
    creator: Option<SpanContext>,
    ambient: Option<SpanContext>,
    before: Option<SpanContext>,
) -> Vec<Link> {
    // One allocation, as small as can be: a chain of options does not tell how long it is.
    let count = [&creator, &ambient, &before].into_iter().flatten().count();
    let mut links = Vec::with_capacity(count);
    links.extend(creator.map(Link::with_context));
    links.extend(ambient.map(Link::with_context));
    links.extend(
        before.map(|before| Link::new(before, vec![KeyValue::new(JOURNEY_MESSAGING_LINK, "attempt")], 0)),
    );
    links
}

fn measure(message: &Message<'_>, destination: &Destination, source: &Source) {
    if !is_installed() {
        return;
    }
    metrics::consumed(&Sample::new(source.operation, destination, None, &source.state), 1);
    metrics::arrived(destination, message.waited.map(|time| time.waited), message.attempt > 1);
}
