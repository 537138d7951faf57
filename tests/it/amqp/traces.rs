//! In whose trace a delivery is, and how long it waited.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use journey_lapin::{Channel, Propagation, Settings, TracedDelivery, inject, propagate};
use journey_trace::lane::{Lane, LaneConfig};
use journey_trace::{ContextExt as _, JourneyCell, Key, SpanGuard};
use lapin::BasicProperties;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SpanData;

use super::bench::{
    connect, consume, links, next, number, order_of, publish, publish_with, queue, span, text, trace_of,
    work_on,
};

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("before the year 292 million")
}

/// Acknowledges, and gives the span of the delivery, whatever its trace.
async fn consumed(delivery: TracedDelivery) -> SpanData {
    let trace = delivery.context().span().span_context().trace_id();
    assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    span(trace, "consume")
}

/// Publishes without our wrapper, as somebody did this long ago.
async fn publish_ago(channel: &Channel, queue: &str, work: &SpanGuard, ago_ms: i64) {
    let mut headers = inject(BasicProperties::default(), work.context()).headers().clone().expect("headers");
    headers.insert("journey-sent-ms".into(), AMQPValue::LongLongInt(now_ms() - ago_ms));
    let properties = BasicProperties::default().with_headers(headers);
    let raw: &lapin::Channel = channel;
    let options = BasicPublishOptions::default();
    let confirm = raw.basic_publish("".into(), queue.into(), options, b"{}", properties).await.expect("sent");
    confirm.await.expect("published");
}

/// Scenario: a message waited a second, another one a minute.
/// Guarantees: the first goes on in its trace. The second begins a trace of its own, linked to its creator; it knows
/// its order all the same, and how long it waited.
#[tokio::test]
async fn an_old_message_begins_a_trace() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.traces.old").await;
    let work = work_on("ORD-T1");
    let creator = work.context().span().span_context().span_id();
    let mut consumer = consume(&channel, "it.traces.old").await;
    for (ago_ms, is_old) in [(1_000, false), (60_000, true)] {
        publish_ago(&channel, "it.traces.old", &work, ago_ms).await;
        let delivery = next(&mut consumer).await;
        assert_eq!(order_of(delivery.context()).as_deref(), Some("ORD-T1"));
        let span = consumed(delivery).await;
        assert_eq!(span.span_context.trace_id() != trace_of(&work), is_old);
        assert_eq!(span.parent_span_id == SpanId::INVALID, is_old);
        assert_eq!(links(&span)[0].0.span_id(), creator);
        assert_eq!(text(&span, "journey.messaging.propagation"), if is_old { "link" } else { "" });
        assert_eq!(text(&span, "journey.messaging.queue_time_source"), "sent");
        let waited: f64 = text(&span, "journey.messaging.queue_time").parse().expect("a number");
        assert!((ago_ms as f64 / 1e3..ago_ms as f64 / 1e3 + 5.0).contains(&waited), "{waited}");
    }
}

/// Scenario: the consumer asks for links, and producers ask for each of the three.
/// Guarantees: the producer's wish counts, then the consumer's; the order is known in every case.
#[tokio::test]
async fn the_producer_chooses_then_the_consumer() {
    let Some((_connection, channel)) = connect().await else { return };
    let channel = channel.with(Settings::default().propagation(Propagation::Link));
    queue(&channel, "it.traces.wished").await;
    let mut consumer = consume(&channel, "it.traces.wished").await;
    for (wish, expected) in [
        (None, Propagation::Link),
        (Some(Propagation::Child), Propagation::Child),
        (Some(Propagation::New), Propagation::New),
    ] {
        let work = work_on("ORD-T2");
        let plain = BasicProperties::default();
        let properties = wish.map_or(plain.clone(), |wish| propagate(plain, wish));
        publish_with(&channel, "it.traces.wished", &work, properties).await;
        let delivery = next(&mut consumer).await;
        assert_eq!(order_of(delivery.context()).as_deref(), Some("ORD-T2"));
        let span = consumed(delivery).await;
        let is_child = expected == Propagation::Child;
        assert_eq!(span.span_context.trace_id() == trace_of(&work), is_child, "{expected}");
        assert_eq!(span.links.is_empty(), expected == Propagation::New, "{expected}");
    }
}

/// Scenario: a handler works on a message whose trace nobody keeps, and on one whose trace is kept, in a stage each.
/// Guarantees: the start of the work is told on the lane before the message is settled, beats while it goes on, its end at
/// the end; each with the order and the number of the delivery, in the trace of the message.
#[tokio::test]
async fn work_is_told_while_it_goes_on() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.traces.work").await;
    let mut consumer = consume(&channel, "it.traces.work").await;
    for flags in [TraceFlags::NOT_SAMPLED, TraceFlags::SAMPLED] {
        let config =
            LaneConfig { beat_interval: Some(Duration::from_secs(15)), root_sampler: Arc::new(|_| true) };
        let lane = Lane::new(config);
        let told = |expected: &str| {
            let records = lane.take_batch(10);
            assert_eq!(
                records.iter().filter_map(|it| it.str("journey.signal")).collect::<Vec<_>>(),
                [expected]
            );
            assert_eq!(records[0].str("order.id"), Some("ORD-T3"));
            assert_eq!(records[0].i64("journey.stage.attempt"), Some(1));
        };
        let creator = SpanContext::new(TraceId::from(0x7e57), SpanId::from(1), flags, true, TraceState::NONE);
        let cell = JourneyCell::new();
        cell.set(Key::Order, "ORD-T3");
        let context = Context::new().with_cell(cell).with_remote_span_context(creator);
        let properties = inject(BasicProperties::default(), &context);
        let options = BasicPublishOptions::default();
        let sent =
            channel.basic_publish("".into(), "it.traces.work".into(), options, b"{}", properties).await;
        sent.expect("sent").await.expect("published");

        let delivery = next(&mut consumer).await;
        let stage = delivery.stage("price.estimate");
        let stage = stage.parent(&delivery.context().with_lane(lane.clone())).start();
        assert_eq!(stage.context().span().span_context().trace_id(), TraceId::from(0x7e57));
        told("start");
        lane.beat(Instant::now());
        told("beat");
        stage.end();
        told("end");
        assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    }
}

/// Scenario: a consumer reads a stream from its first message.
/// Guarantees: each delivery tells its offset and waited since its publish.
#[tokio::test]
async fn a_stream_tells_its_offsets() {
    let Some((_connection, channel)) = connect().await else { return };
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("stream".into()));
    let name = "it.traces.stream";
    channel.queue_delete(name.into(), Default::default()).await.expect("no stream of an earlier run");
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.expect("a stream");
    channel.basic_qos(10, BasicQosOptions::default()).await.expect("a limit");
    let work = work_on("ORD-T3");
    for _ in 0..2 {
        publish(&channel, name, &work).await;
    }
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), AMQPValue::LongString("first".into()));
    let options = BasicConsumeOptions::default();
    let mut consumer =
        channel.basic_consume(name.into(), "".into(), options, arguments).await.expect("a consumer");
    let mut offsets = vec![];
    for _ in 0..2 {
        let delivery = next(&mut consumer).await;
        assert!(delivery.ack(BasicAckOptions::default()).await.expect("credit"));
    }
    for span in super::bench::spans(trace_of(&work), "consume") {
        offsets.push(number(&span, "journey.messaging.stream_offset"));
        assert_eq!(text(&span, "journey.messaging.queue_time_source"), "sent");
    }
    assert_eq!(offsets, [Some(0), Some(1)]);
    drop(consumer);
    channel.queue_delete(name.into(), Default::default()).await.expect("deleted");
}
