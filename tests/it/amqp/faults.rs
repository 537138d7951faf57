//! Brokers that refuse, stop listening, and die.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use journey_lapin::{Channel, ChannelExt as _};
use lapin::options::{BasicAckOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::Status;
use tokio::time::{sleep, timeout};

use super::bench::{
    PrivateBroker, UNTIL_ON_DISK, connect, connect_to, consume, outcome, publish, queue, quorum_queue, span,
    spans, text, trace_of, work_on,
};

const NO_CHANGES: &str = "[].\n";

/// Scenario: a full queue refuses a message.
/// Guarantees: the publish ends as `nacked`, an error.
#[tokio::test]
async fn a_refused_publish_is_an_error() {
    let Some((_connection, channel)) = connect().await else { return };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("it.faults.full".into(), options, arguments).await.expect("a queue");
    let (first, second) = (work_on("ORD-F1"), work_on("ORD-F2"));
    publish(&channel, "it.faults.full", &first).await;
    let none = BasicProperties::default();
    let sending = channel.basic_publish("".into(), "it.faults.full".into(), Default::default(), b"{}", none);
    let confirm = sending.with_context(second.context().clone()).await.expect("sent");
    assert_eq!(confirm.await.expect("answered"), Confirmation::Nack(None));
    assert_eq!(outcome(&span(trace_of(&first), "publish")), "acked");
    let refused = span(trace_of(&second), "publish");
    assert_eq!((outcome(&refused).as_str(), text(&refused, "error.type").as_str()), ("nacked", "nacked"));
    assert!(matches!(refused.status, Status::Error { .. }));
}

/// Scenario: one caller publishes with 200 KiB of headers, another over the same connection without.
/// Guarantees: the first fails alone, with the error that the broker would have closed the connection with; the
/// connection and the other's message live on.
#[tokio::test]
async fn headers_larger_than_a_frame_fail_alone() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.faults.headers").await;
    let (large, small) = (work_on("ORD-F3"), work_on("ORD-F4"));
    let mut headers = FieldTable::default();
    headers.insert("mine".into(), AMQPValue::LongString("x".repeat(200 * 1024).into()));
    let properties = BasicProperties::default().with_headers(headers);
    let sending =
        channel.basic_publish("".into(), "it.faults.headers".into(), Default::default(), b"{}", properties);
    let refused = sending.with_context(large.context().clone()).await;
    assert!(refused.expect_err("it cannot be sent").to_string().contains("FRAME_ERROR"));
    publish(&channel, "it.faults.headers", &small).await;
    assert!(connection.status().connected());
    let refused = span(trace_of(&large), "publish");
    assert_eq!(outcome(&refused), "channel_error");
    assert_eq!(text(&refused, "error.type"), "amqp:frame-error");
    assert_eq!(outcome(&span(trace_of(&small), "publish")), "acked");
}

/// Scenario: the broker has no memory left and takes no messages; the caller gives up waiting.
/// Guarantees: the span says that the confirm was not awaited and that the connection was blocked; consuming goes on over
/// another connection.
#[tokio::test]
async fn a_blocked_connection_is_told() {
    let full = "[{rabbit, [{vm_memory_high_watermark, {absolute, 1000000}}]}].\n";
    let Some(broker) = PrivateBroker::start(NO_CHANGES) else { return };
    let (_connection, channel) = connect_to(&broker.url()).await;
    quorum_queue(&channel, "it.faults.blocked").await;
    let before = work_on("ORD-F5");
    publish(&channel, "it.faults.blocked", &before).await;
    // The watermark of the configuration file would win.
    let config = broker.folder().join("rabbitmq.conf");
    let text_before = std::fs::read_to_string(&config).expect("a configuration");
    let without: String = text_before
        .lines()
        .filter(|line| !line.contains("watermark"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&config, without).expect("written");
    broker.restart(full);
    let (connection, channel) = connect_to(&broker.url()).await;
    let work = work_on("ORD-F6");
    let none = BasicProperties::default();
    let sending =
        channel.basic_publish("".into(), "it.faults.blocked".into(), Default::default(), b"{}", none);
    let confirm = sending.with_context(work.context().clone()).await.expect("sent");
    assert!(timeout(Duration::from_secs(3), confirm).await.is_err(), "the broker does not answer");
    assert!(connection.status().blocked());
    let given_up = span(trace_of(&work), "publish");
    assert_eq!(outcome(&given_up), "confirm_dropped");
    assert_eq!(text(&given_up, "journey.messaging.blocked"), "true");
    // The broker reads nothing more from a connection that has published, so the consumer has one of its own.
    let (_connection, channel) = connect_to(&broker.url()).await;
    let mut consumer = consume(&channel, "it.faults.blocked").await;
    let delivery =
        timeout(Duration::from_secs(10), consumer.next()).await.expect("in time").expect("a message");
    assert!(delivery.expect("no error").ack(BasicAckOptions::default()).await.expect("acknowledged"));
    assert_eq!(outcome(&span(trace_of(&before), "consume")), "ack");
}

/// Scenario: the broker is killed and started again twice while messages are published and consumed; both sides connect
/// anew and go on, the publisher repeating what was not confirmed.
/// Guarantees: every message is handled; every publish that was confirmed says `acked`, every other one `channel_error`
/// (or is the one whose confirm nobody waited for); every delivery has an outcome, those that the broker's death took
/// are errors and come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing() {
    let Some(broker) = PrivateBroker::start(NO_CHANGES) else { return };
    let broker = Arc::new(broker);
    let url = broker.url();
    let (_connection, channel) = connect_to(&url).await;
    quorum_queue(&channel, "it.faults.killed").await;
    sleep(UNTIL_ON_DISK).await;
    drop((channel, _connection));
    let work = work_on("ORD-F7");
    let handled = Arc::new(Mutex::new(BTreeSet::new()));
    let consuming = tokio::spawn(consume_always(url.clone(), Arc::clone(&handled)));
    let publishing = tokio::spawn(publish_all(url.clone()).with_context(work.context().clone()));
    for _ in 0..2 {
        sleep(Duration::from_secs(1)).await;
        let broker = Arc::clone(&broker);
        let again = tokio::task::spawn_blocking(move || {
            broker.kill();
            broker.start().expect("it starts again");
        });
        again.await.expect("no panic");
    }
    let confirmed = timeout(Duration::from_secs(60), publishing).await.expect("in time").expect("no panic");
    let all: BTreeSet<u32> = (0..MESSAGES).collect();
    timeout(Duration::from_secs(30), async {
        while *handled.lock().unwrap() != all {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("every message is handled");
    consuming.abort();

    let published = spans(trace_of(&work), "publish");
    let with = |word: &str| published.iter().filter(|span| outcome(span) == word).count();
    assert_eq!(with("acked"), confirmed);
    assert_eq!(with("acked") + with("channel_error") + with("confirm_dropped"), published.len());
    assert!(with("channel_error") + with("confirm_dropped") > 0, "the broker's death was felt");
    let consumed = spans(trace_of(&work), "consume");
    let known = ["ack", "ack_lost", "channel_closed"];
    for span in &consumed {
        let outcome = outcome(span);
        assert!(known.contains(&outcome.as_str()), "{outcome}");
        assert_eq!(matches!(span.status, Status::Error { .. }), outcome != "ack");
    }
    assert!(consumed.iter().filter(|span| outcome(span) == "ack").count() >= all.len());
}

const MESSAGES: u32 = 400;

/// Publishes all messages, each until it is confirmed. Gives the number of confirms.
async fn publish_all(url: String) -> usize {
    let mut number = 0;
    let mut confirmed = 0;
    while number < MESSAGES {
        let Some(channel) = channel(&url).await else { continue };
        while number < MESSAGES {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let publish = async {
                let body = number.to_string();
                let sent = channel.basic_publish(
                    "".into(),
                    "it.faults.killed".into(),
                    options,
                    body.as_bytes(),
                    properties,
                );
                sent.await?.await
            };
            match timeout(Duration::from_secs(3), publish).await {
                Ok(Ok(Confirmation::Ack(None))) => {
                    (number, confirmed) = (number + 1, confirmed + 1);
                    sleep(Duration::from_millis(5)).await;
                }
                _ => break,
            }
        }
    }
    confirmed
}

/// Consumes until it is aborted, over as many connections as it takes.
async fn consume_always(url: String, handled: Arc<Mutex<BTreeSet<u32>>>) {
    loop {
        let Some(channel) = channel(&url).await else { continue };
        let qos = channel.basic_qos(5, BasicQosOptions::default()).await;
        let queue = "it.faults.killed";
        let consumer =
            channel.basic_consume(queue.into(), "".into(), Default::default(), FieldTable::default()).await;
        let (Ok(()), Ok(mut consumer)) = (qos, consumer) else { continue };
        while let Some(Ok(delivery)) = consumer.next().await {
            sleep(Duration::from_millis(3)).await;
            let number = std::str::from_utf8(&delivery.data).expect("a number").parse().expect("a number");
            if matches!(delivery.ack(BasicAckOptions::default()).await, Ok(true)) {
                handled.lock().unwrap().insert(number);
            }
        }
    }
}

/// A channel with confirms, once the broker is there.
async fn channel(url: &str) -> Option<Channel> {
    let connecting = lapin::Connection::connect(url, lapin::ConnectionProperties::default());
    let connection = timeout(Duration::from_secs(5), connecting).await.ok()?.ok();
    let Some(connection) = connection else {
        sleep(Duration::from_millis(100)).await;
        return None;
    };
    let channel = connection.create_channel().await.ok()?.traced().on(&connection);
    channel.confirm_select(Default::default()).await.ok()?;
    Some(channel)
}
