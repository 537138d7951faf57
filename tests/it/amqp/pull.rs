//! Messages that are asked for, handed to a callback, or answered.

use std::time::Duration;

use journey_lapin::{Consumer, TracedDelivery};
use journey_trace::{JourneyCell, Key};
use lapin::BasicProperties;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions,
};
use lapin::types::FieldTable;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use tokio::sync::mpsc;

use super::bench::{
    connect, consume, links, next, outcome, publish, queue, span, spans, text, trace_of, work_on,
};

/// Scenario: a queue is asked for a message, and once more when it is empty.
/// Guarantees: each call has a CLIENT span; the message has one of its own in its creator's trace, until its
/// acknowledgement.
#[tokio::test]
async fn a_message_that_was_asked_for_has_a_span() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.pull.get").await;
    let (work, asker) = (work_on("ORD-G1"), work_on("ORD-G2"));
    publish(&channel, "it.pull.get", &work).await;
    let get =
        async || channel.basic_get("it.pull.get".into(), BasicGetOptions::default()).await.expect("asked");
    let got = get().with_context(asker.context().clone()).await.expect("there is one");
    assert_eq!(got.message_count, 0);
    let cell = JourneyCell::of(got.context()).expect("a message has a cell");
    assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-G1"));
    assert!(got.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    assert!(get().with_context(asker.context().clone()).await.is_none());

    let created = span(trace_of(&work), "publish").span_context.span_id();
    let calls = spans(trace_of(&asker), "get");
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.name == "get it.pull.get" && call.span_kind == SpanKind::Client));
    assert_eq!(text(&calls[0], "messaging.operation.type"), "receive");
    assert_eq!(links(&calls[0])[0].0.span_id(), created);
    assert!(calls[1].links.is_empty());
    let handled = span(trace_of(&work), "process");
    assert_eq!((handled.name.as_ref(), outcome(&handled).as_str()), ("process it.pull.get", "ack"));
    assert_eq!(handled.parent_span_id, created);
}

/// Scenario: a delegate handles a message, works before its first await and after it.
/// Guarantees: both parts run in the context of the message.
#[tokio::test]
async fn a_delegate_works_in_the_messages_context() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.pull.delegate").await;
    let work = work_on("ORD-G3");
    let consumer = consume(&channel, "it.pull.delegate").await;
    let (seen, mut sees) = mpsc::unbounded_channel();
    consumer.set_delegate(move |delivery: lapin::Result<Option<TracedDelivery>>| {
        let seen = seen.clone();
        let at_once = Context::current().span().span_context().clone();
        async move {
            let Ok(Some(delivery)) = delivery else { return };
            tokio::task::yield_now().await;
            let later = Context::current().span().span_context().clone();
            let order = JourneyCell::current().and_then(|cell| cell.get(Key::Order));
            delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
            seen.send((at_once, later, order)).expect("the test waits");
        }
    });
    publish(&channel, "it.pull.delegate", &work).await;
    let seen = tokio::time::timeout(Duration::from_secs(10), sees.recv()).await.expect("within 10 s");
    let (at_once, later, order) = seen.expect("the delegate lives");
    let consumed = span(trace_of(&work), "consume");
    assert_eq!(
        (at_once.span_id(), later.span_id()),
        (consumed.span_context.span_id(), consumed.span_context.span_id())
    );
    assert_eq!(order.as_deref(), Some("ORD-G3"));
    assert_eq!(outcome(&consumed), "ack");
}

/// Scenario: the queue of a delegate is deleted; another delegate is cancelled by its owner.
/// Guarantees: each is told of its end or not, as by lapin, and only the first is lost (it once counted as alive for ever).
#[tokio::test]
async fn a_delegate_whose_queue_is_deleted_is_lost() {
    let Some((_connection, channel)) = connect().await else { return };
    let (ended, mut ends) = mpsc::unbounded_channel();
    let mut consumers = vec![];
    for name in ["it.pull.deleted", "it.pull.cancelled"] {
        queue(&channel, name).await;
        let consumer = consume(&channel, name).await;
        let ended = ended.clone();
        consumer.set_delegate(move |delivery: lapin::Result<Option<TracedDelivery>>| {
            ended.send((name, matches!(delivery, Ok(None)))).expect("the test waits");
            std::future::ready(())
        });
        consumers.push(consumer);
    }
    channel.basic_cancel(consumers[1].tag(), BasicCancelOptions::default()).await.expect("cancelled");
    channel.queue_delete("it.pull.deleted".into(), Default::default()).await.expect("deleted");
    let end = tokio::time::timeout(Duration::from_secs(10), ends.recv()).await.expect("within 10 s");
    assert_eq!(end, Some(("it.pull.deleted", true)));
    assert_eq!(consumers.iter().map(Consumer::is_lost).collect::<Vec<_>>(), [true, false]);
}

/// Scenario: a caller asks by `reply_to` and `correlation_id`, with RabbitMQ's queue for direct answers.
/// Guarantees: question and answer are one trace, both with the conversation's id; the made-up queue stands in no name.
#[tokio::test]
async fn an_answer_belongs_to_its_question() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.pull.rpc").await;
    let mut server = consume(&channel, "it.pull.rpc").await;
    let client = journey_lapin::ChannelExt::traced(connection.create_channel().await.expect("a channel"));
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let answers =
        client.basic_consume("amq.rabbitmq.reply-to".into(), "".into(), options, FieldTable::default()).await;
    let mut answers = answers.expect("a consumer");
    let work = work_on("ORD-G4");
    let properties = BasicProperties::default()
        .with_reply_to("amq.rabbitmq.reply-to".into())
        .with_correlation_id("c-1".into());
    let asking = client.basic_publish(
        "".into(),
        "it.pull.rpc".into(),
        BasicPublishOptions::default(),
        b"?",
        properties,
    );
    drop(asking.with_context(work.context().clone()).await.expect("asked"));
    let question = next(&mut server).await;
    let answer = question.reply(&channel, b"!", BasicProperties::default()).await.expect("answered");
    answer.expect("the question names a queue").await.expect("confirmed");
    assert!(question.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    let answer = next(&mut answers).await;
    assert_eq!(answer.data, b"!");
    drop(answer);

    let published = spans(trace_of(&work), "publish");
    let consumed = spans(trace_of(&work), "consume");
    let names = |spans: &[opentelemetry_sdk::trace::SpanData]| {
        spans.iter().map(|span| span.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&published), ["publish it.pull.rpc", "publish"]);
    assert_eq!(names(&consumed), ["consume it.pull.rpc", "consume"]);
    assert_eq!(consumed[1].parent_span_id, published[1].span_context.span_id());
    for span in published.iter().chain(&consumed) {
        assert_eq!(text(span, "messaging.message.conversation_id"), "c-1");
    }
}
