//! Deliveries that the broker did not wait for, in all the ways they may end.

use std::time::Duration;

use journey_lapin::Channel;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use tokio::time::{sleep, timeout};

use super::bench::{
    PrivateBroker, connect_to, consume, consumer_timeout, next, outcome, publish, quorum_queue, span,
    trace_of, work_on,
};

/// Scenario: the broker closes a channel over an acknowledgement that did not come in time. Of its deliveries one is
/// dropped, as an error path does it, one is acknowledged by its tag, and one was asked for. Another channel has asked for
/// a message too, and has no consumer.
/// Guarantees: all deliveries of the first channel say `ack_timeout` (only one whose own `ack` was called once did). Nobody
/// tells the second channel why it is closed, so its delivery is `ack_lost`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_is_told_however_a_delivery_ends() {
    let Some(broker) = PrivateBroker::start(&consumer_timeout(Duration::from_secs(2))) else { return };
    let (connection, channel) = connect_to(&broker.url()).await;
    let works: Vec<_> = (1..=4).map(|number| work_on(&format!("ORD-T{number}"))).collect();
    quorum_queue(&channel, "it.timeouts.consumed").await;
    quorum_queue(&channel, "it.timeouts.asked").await;
    for (work, queue) in works.iter().zip(["consumed", "consumed", "asked", "asked"]) {
        publish(&channel, &format!("it.timeouts.{queue}"), work).await;
    }
    let mut consumer = consume(&channel, "it.timeouts.consumed").await;
    let (dropped, by_tag) = (next(&mut consumer).await, next(&mut consumer).await);
    let lonely = journey_lapin::ChannelExt::traced(connection.create_channel().await.expect("a channel"));
    let get = async |channel: &Channel| {
        let got = channel.basic_get("it.timeouts.asked".into(), BasicGetOptions::default()).await;
        got.expect("asked").expect("a message")
    };
    let (asked, asked_alone) = (get(&channel).await, get(&lonely).await);
    let dying = async {
        while channel.status().connected() || lonely.status().connected() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), dying).await.expect("the broker loses its patience");
    // The state changes a moment before the reason is told.
    sleep(Duration::from_millis(50)).await;

    assert!(!asked.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(!asked_alone.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(channel.basic_ack(by_tag.delivery_tag, BasicAckOptions::default()).await.is_err());
    drop(dropped);
    let outcomes: Vec<_> = works[..2].iter().map(|work| outcome(&span(trace_of(work), "consume"))).collect();
    assert_eq!(outcomes, ["ack_timeout", "ack_timeout"]);
    let outcomes: Vec<_> = works[2..].iter().map(|work| outcome(&span(trace_of(work), "process"))).collect();
    assert_eq!(outcomes, ["ack_timeout", "ack_lost"]);
    assert!(consumer.is_lost());
}
