//! Deliveries that the broker did not wait for, in all the ways they may end.

use std::time::Duration;

use journey_lapin::limits::WATCH_INTERVAL;
use journey_lapin::{Channel, Settings};
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::time::{sleep, timeout};

use super::bench::{
    PrivateBroker, connect, connect_to, consume, consumer_timeout, next, outcome, publish, queue,
    quorum_queue, span, trace_of, work_on,
};

/// What the broker waits for an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(2);

/// Scenario: three channels that only ask for messages hold one for longer than the broker is said to wait, and die for other
/// reasons: the service closes one, one asks for a queue that does not exist, and one is dropped.
/// Guarantees: none of them says `ack_timeout` (all did).
#[tokio::test]
async fn what_explains_itself_is_no_timeout() {
    const SAID: Duration = Duration::from_millis(200);
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.timeouts.other").await;
    let works: Vec<_> = (6..=8).map(|number| work_on(&format!("ORD-T{number}"))).collect();
    let mut held = Vec::new();
    for work in &works {
        publish(&channel, "it.timeouts.other", work).await;
        let own = journey_lapin::ChannelExt::traced(connection.create_channel().await.expect("a channel"))
            .on(&connection)
            .with(Settings::default().ack_timeout(SAID));
        let got = own.basic_get("it.timeouts.other".into(), BasicGetOptions::default()).await;
        held.push((own, got.expect("asked").expect("a message")));
    }
    sleep(2 * SAID).await;
    let [(closed, first), (refused, second), (dropped, third)]: [_; 3] = held.try_into().expect("three");
    closed.close(200, "the test wants it".into()).await.expect("closed");
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let missing = refused.queue_declare("it.timeouts.missing".into(), passive, FieldTable::default()).await;
    assert!(missing.is_err(), "there is no such queue");
    drop(dropped);
    // Whoever wonders why a channel died has looked by then.
    sleep(2 * WATCH_INTERVAL).await;
    assert!(!first.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(!second.ack(BasicAckOptions::default()).await.expect("no effect"));
    drop(third);
    let outcomes: Vec<_> = works.iter().map(|work| outcome(&span(trace_of(work), "process"))).collect();
    assert_eq!(outcomes, ["ack_lost", "ack_lost", "channel_closed"]);
}

/// Scenario: the broker closes a channel over an acknowledgement that did not come in time. Of its deliveries one is
/// dropped, as an error path does it, one is acknowledged by its tag, and one was asked for. Two other channels have asked for
/// a message too, and have no consumer; one of them knows its connection and how long the broker waits.
/// Guarantees: all deliveries of the first channel say `ack_timeout` (only one whose own `ack` was called once did). Nobody
/// tells the others why they are closed, so it is `ack_timeout` for the one that can know, and `ack_lost` for the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_is_told_however_a_delivery_ends() {
    let Some(broker) = PrivateBroker::start(&consumer_timeout(PATIENCE)) else { return };
    let (connection, channel) = connect_to(&broker.url()).await;
    let works: Vec<_> = (1..=5).map(|number| work_on(&format!("ORD-T{number}"))).collect();
    quorum_queue(&channel, "it.timeouts.consumed").await;
    quorum_queue(&channel, "it.timeouts.asked").await;
    for (work, queue) in works.iter().zip(["consumed", "consumed", "asked", "asked", "asked"]) {
        publish(&channel, &format!("it.timeouts.{queue}"), work).await;
    }
    let mut consumer = consume(&channel, "it.timeouts.consumed").await;
    let (dropped, by_tag) = (next(&mut consumer).await, next(&mut consumer).await);
    let lonely = journey_lapin::ChannelExt::traced(connection.create_channel().await.expect("a channel"));
    let knowing = journey_lapin::ChannelExt::traced(connection.create_channel().await.expect("a channel"))
        .on(&connection)
        .with(Settings::default().ack_timeout(PATIENCE));
    let get = async |channel: &Channel| {
        let got = channel.basic_get("it.timeouts.asked".into(), BasicGetOptions::default()).await;
        got.expect("asked").expect("a message")
    };
    let (asked, asked_alone, known) = (get(&channel).await, get(&lonely).await, get(&knowing).await);
    let dying = async {
        while [&channel, &lonely, &knowing].iter().any(|channel| channel.status().connected()) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), dying).await.expect("the broker loses its patience");
    // The state changes a moment before the reason is told.
    sleep(Duration::from_millis(50)).await;

    assert!(!asked.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(!asked_alone.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(!known.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(channel.basic_ack(by_tag.delivery_tag, BasicAckOptions::default()).await.is_err());
    drop(dropped);
    let outcomes: Vec<_> = works[..2].iter().map(|work| outcome(&span(trace_of(work), "consume"))).collect();
    assert_eq!(outcomes, ["ack_timeout", "ack_timeout"]);
    let outcomes: Vec<_> = works[2..].iter().map(|work| outcome(&span(trace_of(work), "process"))).collect();
    assert_eq!(outcomes, ["ack_timeout", "ack_lost", "ack_timeout"]);
    assert!(consumer.is_lost());
}
