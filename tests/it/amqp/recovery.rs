//! lapin's own recovery of a connection, under a consumer that has prefetched messages.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use journey_lapin::{Channel, ChannelExt as _, RpcClient};
use lapin::options::{BasicAckOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use opentelemetry::context::FutureExt as _;
use tokio::time::{sleep, timeout};

use super::bench::{
    PrivateBroker, UNTIL_ON_DISK, consume, next, number, outcome, publish_with, span, spans, trace_of,
    work_on,
};

const MESSAGES: usize = 10;

/// What a call waits for its answer; the broker dies long before.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// Scenario: a handler holds two of ten prefetched messages when the broker dies, and acknowledges one of them while the
/// connection is away. lapin connects anew by itself, and everything is handed out again. In the end one acknowledgement
/// is for all that are held.
/// Guarantees: no message is worked on in vain: what was prefetched before is dropped, as lapin does it (it was once kept,
/// so that hours of work were done whose acknowledgement had no effect). The acknowledgement for all ends the new
/// deliveries; the one from before the recovery is `ack_lost` (it was once told as `ack`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_prefetched_before_is_dropped() {
    let Some(broker) = PrivateBroker::start("[].\n") else { return };
    let channel = recovering(&broker.url()).await;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("it.recovery".into(), durable, FieldTable::default()).await.expect("a queue");
    sleep(UNTIL_ON_DISK).await;
    let work = work_on("ORD-V1");
    for _ in 0..MESSAGES {
        let persistent = BasicProperties::default().with_delivery_mode(2);
        publish_with(&channel, "it.recovery", &work, persistent).await;
    }
    let mut consumer = consume(&channel, "it.recovery").await;
    let (held, lost) = (next(&mut consumer).await, next(&mut consumer).await);
    // The others come in one go.
    sleep(Duration::from_millis(300)).await;

    broker.kill();
    until(|| channel.status().reconnecting()).await;
    assert!(!lost.ack(BasicAckOptions::default()).await.expect("no effect"));
    broker.start().expect("it starts again");
    until(|| channel.status().connected()).await;

    let mut handled = 0;
    let last = loop {
        let delivery = next(&mut consumer).await;
        handled += 1;
        if handled == MESSAGES {
            break delivery;
        }
        assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"), "number {handled}");
    };
    let all = BasicAckOptions { multiple: true };
    channel.basic_ack(0, all).await.expect("acknowledged");
    assert!(last.is_settled() && !held.is_settled());
    assert!(!held.ack(BasicAckOptions::default()).await.expect("no effect"));
    assert!(timeout(Duration::from_millis(300), consumer.next()).await.is_err(), "nothing is left");

    let consumed = spans(trace_of(&work), "consume");
    let with = |word: &str| consumed.iter().filter(|span| outcome(span) == word).count();
    assert_eq!((with("ack"), with("ack_lost"), consumed.len()), (MESSAGES, 2, MESSAGES + 2));
    let again = consumed.iter().filter(|span| number(span, "journey.messaging.attempt") == Some(2));
    assert_eq!(again.count(), MESSAGES);
    assert!(!consumer.is_lost());
}

/// Scenario: a client asks, and the broker dies when it has confirmed the question, before the answer. lapin connects anew, and
/// the client asks once more.
/// Guarantees: the first call ends as `timed_out`, as nobody can answer it, after its time and not before; the second is
/// answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on() {
    let Some(broker) = PrivateBroker::start("[].\n") else { return };
    let channel = recovering(&broker.url()).await;
    let client = RpcClient::new(&recovering(&broker.url()).await).await.expect("it listens");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("it.recovery.rpc".into(), durable, FieldTable::default()).await.expect("a queue");
    let mut questions = consume(&channel, "it.recovery.rpc").await;
    sleep(UNTIL_ON_DISK).await;
    let client = client.timeout(CALL_TIMEOUT);
    let ask = || client.call("".into(), "it.recovery.rpc".into(), b"?", BasicProperties::default());
    let (work, asked) = (work_on("ORD-V2"), Instant::now());
    let dying = async {
        drop(next(&mut questions).await);
        // Ended by the confirm.
        until(|| !spans(trace_of(&work), "publish").is_empty()).await;
        broker.kill();
        until(|| channel.status().reconnecting()).await;
    };
    let (unanswered, ()) = tokio::join!(ask().with_context(work.context().clone()), dying);
    assert_eq!(unanswered.expect_err("nobody answers").outcome().as_str(), "timed_out");
    assert!(asked.elapsed() >= CALL_TIMEOUT);
    assert_eq!(outcome(&span(trace_of(&work), "call")), "timed_out");
    assert_eq!(outcome(&span(trace_of(&work), "publish")), "acked");
    broker.start().expect("it starts again");
    until(|| channel.status().connected()).await;
    // lapin counts as connected a moment before it listens for answers again.
    sleep(Duration::from_secs(2)).await;
    assert!(!client.is_lost());
    let answering = async {
        let question = next(&mut questions).await;
        let answer = question.reply(&channel, b"!", BasicProperties::default()).await.expect("sent");
        answer.expect("the question names a queue").await.expect("confirmed");
        assert!(question.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    };
    let (answer, ()) = tokio::join!(ask(), answering);
    assert_eq!(answer.expect("answered").data, b"!");
}

/// A channel with confirms whose connection lapin recovers.
async fn recovering(url: &str) -> Channel {
    crate::spans::exporter();
    let properties = ConnectionProperties::default().enable_auto_recover();
    let connection = Connection::connect(url, properties).await.expect("a running broker");
    let channel = connection.create_channel().await.expect("a channel").traced().on(&connection);
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let prefetch = u16::try_from(MESSAGES).expect("a few");
    channel.basic_qos(prefetch, BasicQosOptions::default()).await.expect("a prefetch");
    std::mem::forget(connection);
    channel
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), waiting).await.expect("within 30 s");
}
