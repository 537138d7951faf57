//! What these tests share: a connection, queues of their own, and the spans that were exported.

use std::fs;
use std::ops::Deref;
use std::time::Duration;

use futures_util::StreamExt as _;
use journey_lapin::{Channel, ChannelExt as _, Consumer, TracedDelivery};
use journey_testkit::env_url;
use journey_testkit::services::{Home, Kind, Service};
use journey_trace::{ContextExt as _, JourneyCell, Key, SpanGuard};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::spans::{assert_conforming, exporter};

/// A connection to the broker with one traced channel that gives confirms. `None`: no broker, skip.
pub(crate) async fn connect() -> Option<(Connection, Channel)> {
    Some(connect_to(&env_url("JOURNEY_AMQP_URL")?).await)
}

/// The same to a broker of the test's own.
pub(crate) async fn connect_to(url: &str) -> (Connection, Channel) {
    exporter();
    let uri: AMQPUri = url.parse().expect("an AMQP URL");
    let connection = Connection::connect_uri(uri.clone(), ConnectionProperties::default())
        .await
        .expect("a running broker");
    let channel = connection.create_channel().await.expect("a channel").traced().at(&uri).on(&connection);
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    (connection, channel)
}

/// A broker of one test alone, for limits that belong to the whole broker.
pub(crate) struct PrivateBroker {
    service: Service,
    _home: Home,
}

impl PrivateBroker {
    /// Starts one with this `advanced.config`. `None`: a machine without a broker has no program to start one either.
    pub(crate) fn start(advanced: &str) -> Option<Self> {
        env_url("JOURNEY_AMQP_URL")?;
        let home = Home::new().expect("a folder");
        let service = Service::create(Kind::RabbitMq, home.path()).expect("a private broker");
        let broker = Self { service, _home: home };
        broker.restart(advanced);
        Some(broker)
    }

    /// Stops it and starts it again with another configuration.
    pub(crate) fn restart(&self, advanced: &str) {
        self.service.stop();
        fs::write(self.service.folder().join("advanced.config"), advanced).expect("written");
        self.service.start().expect("it starts again");
    }
}

impl Deref for PrivateBroker {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// How long after its declaration a durable queue was seen to survive `kill -9`, 24 times of 24.
///
/// Killed half a second after it, RabbitMQ 3.10 came back with an empty queue after 4 of 24 kills, confirmed messages gone;
/// lapin's recovery then waits for what does not come.
pub(crate) const UNTIL_ON_DISK: Duration = Duration::from_millis(2500);

/// The configuration of a broker that waits this long for an acknowledgement, and looks often.
pub(crate) fn consumer_timeout(timeout: Duration) -> String {
    let timeout_ms = timeout.as_millis();
    format!("[{{rabbit, [{{consumer_timeout, {timeout_ms}}}, {{channel_tick_interval, 1000}}]}}].\n")
}

/// A queue of this connection alone, under a name that no other test uses.
pub(crate) async fn queue(channel: &Channel, name: &str) {
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, FieldTable::default()).await.expect("a queue");
}

/// A durable quorum queue, empty.
pub(crate) async fn quorum_queue(channel: &Channel, name: &str) {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(name.into(), options, arguments).await.expect("a queue");
    channel.queue_purge(name.into(), Default::default()).await.expect("an empty queue");
}

pub(crate) async fn consume(channel: &Channel, queue: &str) -> Consumer {
    let options = BasicConsumeOptions::default();
    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.expect("a consumer")
}

/// The next message, which must come within some seconds.
pub(crate) async fn next(consumer: &mut Consumer) -> TracedDelivery {
    next_within(consumer, Duration::from_secs(10)).await
}

pub(crate) async fn next_within(consumer: &mut Consumer, time: Duration) -> TracedDelivery {
    let next = tokio::time::timeout(time, consumer.next()).await;
    next.expect("a message in time").expect("the stream goes on").expect("a message, no error")
}

/// A span of somebody who works on an order; its context is what a handler runs in.
pub(crate) fn work_on(order: &str) -> SpanGuard {
    let cell = JourneyCell::new();
    cell.set(Key::Order, order);
    let context = Context::new().with_cell(cell);
    SpanGuard::start("work", SpanKind::Internal, vec![], vec![], &context)
}

pub(crate) fn trace_of(span: &SpanGuard) -> TraceId {
    span.context().span().span_context().trace_id()
}

/// The ended spans of one trace whose name starts with this word, in the order of their ends.
pub(crate) fn spans(trace: TraceId, word: &str) -> Vec<SpanData> {
    let all = exporter().get_finished_spans().expect("the exporter is never shut down");
    let mut of_trace =
        all.into_iter().filter(|span| span.span_context.trace_id() == trace).collect::<Vec<_>>();
    assert_conforming(&of_trace);
    of_trace.retain(|span| span.name.starts_with(word));
    of_trace
}

/// The only such span.
pub(crate) fn span(trace: TraceId, word: &str) -> SpanData {
    let mut found = spans(trace, word);
    assert_eq!(found.len(), 1, "spans named {word}: {found:?}");
    found.remove(0)
}

/// An attribute as text; empty if it is absent.
pub(crate) fn text(span: &SpanData, key: &str) -> String {
    let value = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    value.map(|attribute| attribute.value.to_string()).unwrap_or_default()
}

pub(crate) fn number(span: &SpanData, key: &str) -> Option<i64> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).and_then(|attribute| {
        match attribute.value {
            Value::I64(number) => Some(number),
            _ => None,
        }
    })
}

pub(crate) fn outcome(span: &SpanData) -> String {
    text(span, "journey.messaging.outcome")
}

/// Publishes one message as part of this work, and waits for the confirm.
pub(crate) async fn publish(channel: &Channel, queue: &str, work: &SpanGuard) {
    publish_with(channel, queue, work, BasicProperties::default()).await;
}

pub(crate) async fn publish_with(
    channel: &Channel,
    queue: &str,
    work: &SpanGuard,
    properties: BasicProperties,
) {
    let options = BasicPublishOptions::default();
    let sending = channel.basic_publish("".into(), queue.into(), options, b"{}", properties);
    let confirm = sending.with_context(work.context().clone()).await.expect("sent");
    confirm.await.expect("published");
}

/// The spans it is linked to, each with why.
pub(crate) fn links(span: &SpanData) -> Vec<(SpanContext, String)> {
    let why = |link: &opentelemetry::trace::Link| {
        link.attributes.iter().map(|attribute| attribute.value.to_string()).collect::<String>()
    };
    span.links.iter().map(|link| (link.span_context.clone(), why(link))).collect()
}

/// The span to which this one is linked as the attempt before.
pub(crate) fn attempt_before(span: &SpanData) -> Option<SpanContext> {
    links(span).into_iter().find(|(_, why)| why == "attempt").map(|(attempt, _)| attempt)
}

/// What an order is called in the context of a message.
pub(crate) fn order_of(context: &Context) -> Option<String> {
    JourneyCell::of(context)?.get(Key::Order).map(|id| id.to_string())
}
