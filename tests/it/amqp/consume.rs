//! The consumer span, from the hand-over to the settlement.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use journey_lapin::Settings;
use journey_trace::{JourneyCell, Key, set_production_id};
use lapin::BasicProperties;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions,
    BasicRejectOptions,
};
use lapin::types::FieldTable;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};

use super::bench::{
    PrivateBroker, connect, connect_to, consume, consumer_timeout, next, number, outcome, publish, queue,
    quorum_queue, span, spans, text, trace_of, work_on,
};

/// Scenario: a message about an order is consumed in a spawned task, where the handler learns a further id.
/// Guarantees: one CONSUMER span, child of the producer span and linked to it, with the ids of the message and the
/// one learned late; the ids are in the handler's cell; it ends as `ack`.
#[tokio::test]
async fn a_message_brings_its_journey() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.ack").await;
    let work = work_on("ORD-C1");
    publish(&channel, "it.consume.ack", &work).await;
    let delivery = next(&mut consume(&channel, "it.consume.ack").await).await;
    assert_eq!(spans(trace_of(&work), "consume").len(), 0, "the span is open until the settlement");
    let handling = tokio::spawn(async move {
        let handler = delivery.process(async |delivery| {
            let cell = JourneyCell::current().expect("a handler has a cell");
            assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-C1"));
            tokio::task::yield_now().await;
            assert!(set_production_id("MES-C1"));
            delivery.ack(BasicAckOptions::default()).await
        });
        handler.await
    });
    assert!(handling.await.expect("no panic").expect("acknowledged"));

    let published = span(trace_of(&work), "publish");
    let consumed = span(trace_of(&work), "consume");
    assert_eq!(consumed.name, "consume it.consume.ack");
    assert_eq!(consumed.span_kind, SpanKind::Consumer);
    assert_eq!(consumed.parent_span_id, published.span_context.span_id());
    let linked: Vec<_> = consumed.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(linked, [published.span_context.span_id()]);
    assert_eq!(consumed.status, Status::Unset);
    for (key, value) in [
        ("messaging.operation.name", "consume"),
        ("messaging.operation.type", "process"),
        ("order.id", "ORD-C1"),
        ("production.id", "MES-C1"),
        ("journey.messaging.outcome", "ack"),
        ("journey.messaging.redelivered", "false"),
    ] {
        assert_eq!(text(&consumed, key), value, "{key}");
    }
    assert_eq!(number(&consumed, "journey.messaging.attempt"), Some(1));
    assert_eq!(number(&consumed, "messaging.rabbitmq.message.delivery_tag"), Some(1));
}

/// Scenario: a message in a quorum queue is refused twice and rejected for good.
/// Guarantees: three spans in one trace, with the attempts 1 to 3 and what the handler chose; none is an error.
#[tokio::test]
async fn attempts_are_counted() {
    let Some((_connection, channel)) = connect().await else { return };
    quorum_queue(&channel, "it.consume.attempts").await;
    let work = work_on("ORD-C2");
    publish(&channel, "it.consume.attempts", &work).await;
    let mut consumer = consume(&channel, "it.consume.attempts").await;
    for _ in 0..2 {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        assert!(next(&mut consumer).await.nack(options).await.expect("refused"));
    }
    assert!(next(&mut consumer).await.reject(BasicRejectOptions { requeue: false }).await.expect("rejected"));

    let seen: Vec<_> = spans(trace_of(&work), "consume")
        .iter()
        .map(|span| {
            (
                number(span, "journey.messaging.attempt"),
                text(span, "journey.messaging.redelivered"),
                outcome(span),
            )
        })
        .collect();
    let expected = [
        (Some(1), "false", "nack_requeue"),
        (Some(2), "true", "nack_requeue"),
        (Some(3), "true", "reject_drop"),
    ];
    assert_eq!(seen, expected.map(|(n, again, outcome)| (n, again.to_owned(), outcome.to_owned())));
    assert!(spans(trace_of(&work), "consume").iter().all(|span| span.status == Status::Unset));
}

/// Scenario: three messages are settled with one ack for all of them; three more by tag, through the channel.
/// Guarantees: every span ends as `ack`, and once.
#[tokio::test]
async fn one_ack_for_many_ends_all_their_spans() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.multiple").await;
    let work = work_on("ORD-C3");
    for _ in 0..6 {
        publish(&channel, "it.consume.multiple", &work).await;
    }
    let mut consumer = consume(&channel, "it.consume.multiple").await;
    let multiple = BasicAckOptions { multiple: true };
    for round in 1..=2 {
        let held = [next(&mut consumer).await, next(&mut consumer).await, next(&mut consumer).await];
        match round {
            1 => assert!(held[2].ack(multiple).await.expect("acknowledged")),
            _ => channel.basic_ack(held[2].delivery_tag, multiple).await.expect("acknowledged"),
        }
        let ended = spans(trace_of(&work), "consume");
        assert_eq!(ended.len(), round * 3, "before the deliveries are dropped");
        assert!(ended.iter().all(|span| outcome(span) == "ack"));
    }
    assert_eq!(spans(trace_of(&work), "consume").len(), 6);
}

/// Scenario: a handler fails, and drops the message without settling it.
/// Guarantees: the span ends as `dropped_unsettled`, an error, with the handler's as its only type.
#[tokio::test]
async fn a_forgotten_message_is_an_error() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.dropped").await;
    let work = work_on("ORD-C4");
    publish(&channel, "it.consume.dropped", &work).await;
    let delivery = next(&mut consume(&channel, "it.consume.dropped").await).await;
    let failed = delivery.process(async |_| Err::<(), _>(std::fmt::Error)).await;
    assert!(failed.is_err());
    drop(delivery);

    let consumed = span(trace_of(&work), "consume");
    assert_eq!(outcome(&consumed), "dropped_unsettled");
    assert_eq!(text(&consumed, "error.type"), "core::fmt::Error");
    assert!(matches!(consumed.status, Status::Error { .. }));
}

/// Scenario: a handler fails and refuses the message.
/// Guarantees: the span has the handler's error, and what it chose as outcome.
#[tokio::test]
async fn a_handlers_error_is_on_the_span() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.failed").await;
    let work = work_on("ORD-C5");
    publish(&channel, "it.consume.failed", &work).await;
    let delivery = next(&mut consume(&channel, "it.consume.failed").await).await;
    let failed = delivery.process(async |_| Err::<(), _>(std::fmt::Error)).await;
    assert!(failed.is_err());
    assert!(delivery.nack(BasicNackOptions { requeue: false, ..Default::default() }).await.expect("refused"));

    let consumed = span(trace_of(&work), "consume");
    assert_eq!(outcome(&consumed), "nack_drop");
    assert_eq!(text(&consumed, "error.type"), "core::fmt::Error");
    assert!(matches!(consumed.status, Status::Error { .. }));
}

/// Scenario: the connection goes away while two messages are handled; one handler acknowledges, one gives up.
/// Guarantees: `ack` returns `Ok(false)` as lapin's does, and the spans tell: `ack_lost` and `channel_closed`.
#[tokio::test]
async fn an_acknowledgement_without_effect_is_an_error() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.lost").await;
    let work = work_on("ORD-C6");
    publish(&channel, "it.consume.lost", &work).await;
    publish(&channel, "it.consume.lost", &work).await;
    let mut consumer = consume(&channel, "it.consume.lost").await;
    let (acknowledged, given_up) = (next(&mut consumer).await, next(&mut consumer).await);
    connection.close(200, "the test is over".into()).await.expect("closed");
    assert!(!acknowledged.ack(BasicAckOptions::default()).await.expect("no error, no effect"));
    drop(given_up);

    let seen: Vec<_> = spans(trace_of(&work), "consume").iter().map(outcome).collect();
    assert_eq!(seen, ["ack_lost", "channel_closed"]);
    assert!(spans(trace_of(&work), "consume").iter().all(|span| matches!(span.status, Status::Error { .. })));
}

/// Scenario: a handler works longer than the broker waits for an acknowledgement, then acknowledges; nobody polls the
/// stream meanwhile.
/// Guarantees: it is warned about before; the consumer is known to be lost; `ack` returns `Ok(false)`, the span says
/// `ack_timeout`, and the stream gives the broker's reason once.
#[tokio::test]
async fn an_acknowledgement_too_late_is_a_timeout() {
    let Some(broker) = PrivateBroker::start(&consumer_timeout(Duration::from_secs(1))) else { return };
    let (_connection, channel) = connect_to(&broker.url()).await;
    let channel = channel.with(Settings::default().ack_timeout(Duration::from_secs(1)));
    queue(&channel, "it.consume.late").await;
    let work = work_on("ORD-C8");
    publish(&channel, "it.consume.late", &work).await;
    let mut consumer = consume(&channel, "it.consume.late").await;
    let delivery = next(&mut consumer).await;
    assert!(!consumer.is_lost());
    let started = Instant::now();
    while channel.status().connected() {
        assert!(started.elapsed() < Duration::from_secs(20), "the broker does not lose its patience");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(2 * journey_lapin::limits::WATCH_INTERVAL).await;
    assert!(consumer.is_lost());
    assert!(!delivery.ack(BasicAckOptions::default()).await.expect("no error, no effect"));
    let consumed = span(trace_of(&work), "consume");
    assert_eq!(outcome(&consumed), "ack_timeout");
    assert_eq!(text(&consumed, "error.type"), "ack_timeout");
    assert_eq!(text(&consumed, "journey.messaging.overdue"), "true");
    let reason = consumer.next().await.expect("the stream goes on").expect_err("the broker's reason");
    assert!(reason.to_string().contains("timed out"), "{reason}");
}

/// Scenario: one queue is deleted under its consumer; another consumer is cancelled by its owner, and a third sees its
/// connection closed in an orderly way.
/// Guarantees: only the first is lost.
#[tokio::test]
async fn only_an_unwanted_end_is_a_loss() {
    let Some((connection, channel)) = connect().await else { return };
    for name in ["it.consume.deleted", "it.consume.cancelled", "it.consume.closed"] {
        queue(&channel, name).await;
    }
    let mut deleted = consume(&channel, "it.consume.deleted").await;
    channel.queue_delete("it.consume.deleted".into(), Default::default()).await.expect("deleted");
    assert!(deleted.next().await.is_none());
    assert!(deleted.is_lost());

    let mut cancelled = consume(&channel, "it.consume.cancelled").await;
    channel.basic_cancel(cancelled.tag(), BasicCancelOptions::default()).await.expect("cancelled");
    assert!(cancelled.next().await.is_none());
    assert!(!cancelled.is_lost());

    let closed = consume(&channel, "it.consume.closed").await;
    connection.close(200, "the test is over".into()).await.expect("closed");
    tokio::time::sleep(3 * journey_lapin::limits::WATCH_INTERVAL).await;
    assert!(!closed.is_lost());
}

/// Scenario: the queue of a consumer is deleted while its handler works and a message is prefetched; nobody polls the stream.
/// Another consumer of the channel goes on.
/// Guarantees: the first is known to be lost within a moment (once only when it was polled), and its stream still gives what
/// was prefetched, then ends; the other is not lost.
#[tokio::test]
async fn a_deleted_queue_is_known_without_a_poll() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.busy").await;
    queue(&channel, "it.consume.other").await;
    let work = work_on("ORD-C9");
    for _ in 0..2 {
        publish(&channel, "it.consume.busy", &work).await;
    }
    let mut consumer = consume(&channel, "it.consume.busy").await;
    let other = consume(&channel, "it.consume.other").await;
    let held = next(&mut consumer).await;
    channel.queue_delete("it.consume.busy".into(), Default::default()).await.expect("deleted");
    tokio::time::sleep(3 * journey_lapin::limits::WATCH_INTERVAL).await;
    assert!(consumer.is_lost() && !other.is_lost());
    drop(held);
    drop(next(&mut consumer).await);
    assert!(consumer.next().await.is_none());
    assert!(consumer.is_lost());
}

/// Scenario: a handler acknowledges past the wrapper, by lapin's own acker, and then drops the message; another one calls the
/// wrapper after that.
/// Guarantees: the spans end without an outcome, which nobody can know, and are no errors: the message was not forgotten.
#[tokio::test]
async fn an_acknowledgement_past_the_wrapper_is_no_error() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.past").await;
    let mut consumer = consume(&channel, "it.consume.past").await;
    for settles_again in [false, true] {
        let work = work_on("ORD-C10");
        publish(&channel, "it.consume.past", &work).await;
        let delivery = next(&mut consumer).await;
        assert!(delivery.acker.ack(BasicAckOptions::default()).await.expect("acknowledged"));
        if settles_again {
            assert!(!delivery.ack(BasicAckOptions::default()).await.expect("no effect"));
        }
        drop(delivery);
        let consumed = span(trace_of(&work), "consume");
        assert_eq!((outcome(&consumed).as_str(), &consumed.status), ("", &Status::Unset));
    }
}

/// Scenario: a consumer without acknowledgements.
/// Guarantees: the span ends when the message is dropped, as `auto_ack`, no error.
#[tokio::test]
async fn without_acknowledgements_the_drop_ends_it() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.auto").await;
    let work = work_on("ORD-C7");
    publish(&channel, "it.consume.auto", &work).await;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer =
        channel.basic_consume("it.consume.auto".into(), "".into(), options, FieldTable::default()).await;
    drop(next(&mut consumer.expect("a consumer")).await);
    let consumed = span(trace_of(&work), "consume");
    assert_eq!(outcome(&consumed), "auto_ack");
    assert_eq!(consumed.status, Status::Unset);
}

/// Scenario: a message comes from somebody who knows nothing of traces.
/// Guarantees: the span is a root without links, and the handler has an empty cell to write to.
#[tokio::test]
async fn a_message_without_headers_starts_a_trace() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.consume.plain").await;
    let plain = connection.create_channel().await.expect("a channel");
    let (options, none) = (BasicPublishOptions::default(), BasicProperties::default());
    plain.basic_publish("".into(), "it.consume.plain".into(), options, b"{}", none).await.expect("sent");
    let delivery = next(&mut consume(&channel, "it.consume.plain").await).await;
    let trace = delivery.context().span().span_context().trace_id();
    assert!(JourneyCell::of(delivery.context()).is_some());
    assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    let consumed = span(trace, "consume");
    assert!(consumed.links.is_empty());
    assert_eq!(outcome(&consumed), "ack");
}
