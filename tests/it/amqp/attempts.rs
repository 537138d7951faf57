//! Deliveries of a message after the first: each knows the one before.

use journey_testkit::env_url;
use journey_trace::set_production_id;
use lapin::options::{
    BasicAckOptions, BasicNackOptions, BasicPublishOptions, BasicRejectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use opentelemetry::trace::{SpanKind, TraceContextExt as _};

use super::bench::{
    attempt_before, connect, connect_to, consume, links, next, number, order_of, outcome, publish,
    publish_with, queue, quorum_queue, span, spans, text, trace_of, work_on,
};

/// Scenario: a message is put back twice and then acknowledged.
/// Guarantees: each span is linked to the one before it, beside its creator; the first to its creator alone.
#[tokio::test]
async fn each_attempt_is_linked_to_the_one_before() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.attempts.again").await;
    let work = work_on("ORD-A1");
    publish(&channel, "it.attempts.again", &work).await;
    let mut consumer = consume(&channel, "it.attempts.again").await;
    for _ in 0..2 {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        assert!(next(&mut consumer).await.nack(options).await.expect("refused"));
    }
    assert!(next(&mut consumer).await.ack(BasicAckOptions::default()).await.expect("acknowledged"));

    let attempts = spans(trace_of(&work), "consume");
    let before: Vec<_> = attempts.iter().map(attempt_before).collect();
    let of = |number: usize| Some(attempts[number].span_context.clone());
    assert_eq!(before, [None, of(0), of(1)]);
    let creator = span(trace_of(&work), "publish").span_context.span_id();
    assert!(attempts.iter().all(|attempt| links(attempt)[0].0.span_id() == creator));
}

/// Scenario: the connection goes away while a message is handled; it is handed out again before the first handler
/// acknowledges in vain.
/// Guarantees: the second delivery is linked to the first, which is `ack_lost`.
#[tokio::test]
async fn a_lost_attempt_is_linked_too() {
    let Some((connection, channel)) = connect().await else { return };
    quorum_queue(&channel, "it.attempts.lost").await;
    let work = work_on("ORD-A2");
    publish(&channel, "it.attempts.lost", &work).await;
    let first = next(&mut consume(&channel, "it.attempts.lost").await).await;
    connection.close(200, "the test cuts it".into()).await.expect("closed");

    let Some((_connection, channel)) = connect().await else { return };
    let again = next(&mut consume(&channel, "it.attempts.lost").await).await;
    assert!(again.redelivered && again.attempt() == 2);
    assert!(!first.ack(BasicAckOptions::default()).await.expect("no error, no effect"));
    assert!(again.ack(BasicAckOptions::default()).await.expect("acknowledged"));

    let attempts = spans(trace_of(&work), "consume");
    let outcomes: Vec<_> = attempts.iter().map(outcome).collect();
    assert_eq!(outcomes, ["ack_lost", "ack"]);
    assert_eq!(attempt_before(&attempts[1]), Some(attempts[0].span_context.clone()));
}

/// Scenario: a message is rejected and read from the dead letters.
/// Guarantees: that delivery goes on in the creator's trace, is linked to creator and attempt, knows the order, and
/// tells where, why and how often the message died.
#[tokio::test]
async fn a_dead_letter_goes_on_in_its_story() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.attempts.dead").await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
    arguments.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString("it.attempts.dead".into()));
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("it.attempts.mortal".into(), options, arguments).await.expect("a queue");
    let work = work_on("ORD-A3");
    publish(&channel, "it.attempts.mortal", &work).await;
    let mortal = next(&mut consume(&channel, "it.attempts.mortal").await).await;
    assert!(mortal.reject(BasicRejectOptions { requeue: false }).await.expect("rejected"));
    let dead = next(&mut consume(&channel, "it.attempts.dead").await).await;
    assert_eq!(order_of(dead.context()).as_deref(), Some("ORD-A3"));
    assert!(dead.ack(BasicAckOptions::default()).await.expect("acknowledged"));

    let attempts = spans(trace_of(&work), "consume");
    let (rejected, dead) = (&attempts[0], &attempts[1]);
    let creator = span(trace_of(&work), "publish").span_context;
    assert_eq!(dead.parent_span_id, creator.span_id());
    assert_eq!(links(dead)[0].0.span_id(), creator.span_id());
    assert_eq!(attempt_before(dead), Some(rejected.span_context.clone()));
    assert_eq!(number(dead, "journey.messaging.attempt"), Some(2));
    assert_eq!(number(dead, "journey.messaging.dead_letter.count"), Some(1));
    assert_eq!(text(dead, "journey.messaging.dead_letter.queue"), "it.attempts.mortal");
    assert_eq!(text(dead, "journey.messaging.dead_letter.reason"), "rejected");
    assert!(text(dead, "journey.messaging.dead_letter.age").parse::<f64>().expect("an age") < 10.0);
}

/// Scenario: a handler that has learned an id publishes its message once more, and acknowledges it.
/// Guarantees: body, id and the user's headers stay, the broker's headers do not; the next delivery belongs to the same
/// creator, is the second attempt, linked to the first, and knows the id.
#[tokio::test]
async fn a_message_that_is_published_again_keeps_its_story() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.attempts.retry").await;
    let work = work_on("ORD-A4");
    let mut headers = FieldTable::default();
    headers.insert("mine".into(), AMQPValue::LongInt(7));
    headers.insert("x-death".into(), AMQPValue::Boolean(true));
    let properties = BasicProperties::default().with_headers(headers).with_message_id("m-4".into());
    publish_with(&channel, "it.attempts.retry", &work, properties).await;
    let mut consumer = consume(&channel, "it.attempts.retry").await;
    let first = next(&mut consumer).await;
    let again = first
        .process(async |delivery| {
            assert!(set_production_id("MES-A4"));
            let options = BasicPublishOptions::default();
            delivery.republish(&channel, "".into(), "it.attempts.retry".into(), options).await?.await
        })
        .await;
    assert_eq!(again.expect("published again"), Confirmation::Ack(None));
    assert!(first.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    let second = next(&mut consumer).await;
    let kept = second.properties.headers().as_ref().expect("headers").inner();
    assert!(kept.contains_key("mine") && !kept.contains_key("x-death"));
    assert_eq!(second.properties.message_id().as_ref().map(|id| id.as_str()), Some("m-4"));
    assert_eq!((second.data.as_slice(), second.attempt()), (b"{}".as_slice(), 2));
    let cell = journey_trace::JourneyCell::of(second.context()).expect("a handler has a cell");
    assert_eq!(cell.get(journey_trace::Key::Production).as_deref(), Some("MES-A4"));
    assert!(second.ack(BasicAckOptions::default()).await.expect("acknowledged"));

    let published = spans(trace_of(&work), "publish");
    let republished = published.iter().find(|span| span.span_kind == SpanKind::Client).expect("the second");
    let attempts = spans(trace_of(&work), "consume");
    assert_eq!(republished.parent_span_id, attempts[0].span_context.span_id());
    assert_eq!(attempts[1].parent_span_id, published[0].span_context.span_id(), "the creator stays");
    assert_eq!(
        attempt_before(&attempts[1]).map(|span| span.span_id()),
        Some(attempts[0].span_context.span_id())
    );
    assert_eq!(work.context().span().span_context().trace_id(), attempts[1].span_context.trace_id());
}

/// Scenario: a message that its sender sends to a second queue too (`CC`) is published again by the consumer of the first.
/// Guarantees: the second queue has one copy (it once got another with each attempt of the first).
#[tokio::test]
async fn a_retry_is_for_one_queue_alone() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.attempts.first").await;
    queue(&channel, "it.attempts.copied").await;
    let mut headers = FieldTable::default();
    let copied = AMQPValue::LongString("it.attempts.copied".into());
    headers.insert("CC".into(), AMQPValue::FieldArray(vec![copied].into()));
    let properties = BasicProperties::default().with_headers(headers);
    publish_with(&channel, "it.attempts.first", &work_on("ORD-A5"), properties).await;
    let mut consumer = consume(&channel, "it.attempts.first").await;
    let first = next(&mut consumer).await;
    let again = first.republish(&channel, "".into(), "it.attempts.first".into(), Default::default()).await;
    assert_eq!(again.expect("sent").await.expect("published again"), Confirmation::Ack(None));
    assert_eq!(next(&mut consumer).await.attempt(), 2);
    let get =
        async || channel.basic_get("it.attempts.copied".into(), Default::default()).await.expect("asked");
    assert_eq!(get().await.expect("one copy").message_count, 0);
    assert!(get().await.is_none());
}

/// Scenario: frames are small, and the headers of a message nearly fill one; it is published again by a handler.
/// Guarantees: it is published, without headers of ours (they once made it larger than a frame, and it could not be
/// published at all).
#[tokio::test]
async fn a_retry_does_not_outgrow_a_frame() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let (connection, channel) = connect_to(&format!("{url}?frame_max=4096")).await;
    assert_eq!(connection.configuration().frame_max(), 4096);
    queue(&channel, "it.attempts.large").await;
    let mut headers = FieldTable::default();
    headers.insert("mine".into(), AMQPValue::LongString("x".repeat(3_918).into()));
    let properties = BasicProperties::default().with_headers(headers);
    publish_with(&channel, "it.attempts.large", &work_on("ORD-A6"), properties).await;
    let mut consumer = consume(&channel, "it.attempts.large").await;
    let first = next(&mut consumer).await;
    let again = first.republish(&channel, "".into(), "it.attempts.large".into(), Default::default()).await;
    assert_eq!(again.expect("it fits").await.expect("published again"), Confirmation::Ack(None));
    assert!(first.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    let second = next(&mut consumer).await;
    let kept = second.properties.headers().as_ref().expect("headers").inner();
    assert!(kept.contains_key("mine") && !kept.contains_key("journey-attempt"));
}
