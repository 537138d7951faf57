//! Several messages under one span.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use journey_lapin::limits::{OVERDUE_AFTER, WATCH_INTERVAL};
use journey_lapin::{Settings, TracedDelivery};
use lapin::options::{BasicAckOptions, BasicNackOptions};
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};
use tokio::time::{sleep, timeout};

use super::bench::{
    attempt_before, connect, consume, links, next, number, order_of, outcome, publish, queue, span, spans,
    text, trace_of, work_on,
};

/// Scenario: five messages of two orders wait; a consumer takes three and then what is left, acknowledges all of the
/// first batch and refuses one of the second.
/// Guarantees: one span per batch, in a trace of its own, linked to each creator; each message knows its own order and
/// the batch none; the span shows the worst outcome.
#[tokio::test]
async fn a_batch_is_one_span() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.batches.orders").await;
    let works = [work_on("ORD-B1"), work_on("ORD-B2")];
    for number in 0..5 {
        publish(&channel, "it.batches.orders", &works[number % 2]).await;
    }
    let mut consumer = consume(&channel, "it.batches.orders").await;
    // The first message is waited for, the others are taken if they are there: they come in one go.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let three = NonZeroUsize::new(3).expect("not zero");
    for (expected, worst) in [(3, "ack"), (2, "nack_drop")] {
        let batch = consumer.next_batch(three).await.expect("messages").expect("no error");
        assert_eq!(batch.len(), expected);
        assert_eq!(order_of(batch.context()), None);
        let orders: Vec<_> = batch.iter().filter_map(|delivery| order_of(delivery.context())).collect();
        assert_eq!(orders.len(), expected);
        assert!(orders.iter().any(|id| id == "ORD-B1") && orders.iter().any(|id| id == "ORD-B2"));
        if worst == "nack_drop" {
            let options = BasicNackOptions { requeue: false, ..BasicNackOptions::default() };
            assert!(batch[0].nack(options).await.expect("refused"));
        }
        let trace = batch.context().span().span_context().trace_id();
        assert!(works.iter().all(|work| trace_of(work) != trace));
        assert!(batch.ack().await.expect("acknowledged"));
        let handled = span(trace, "consume");
        assert_eq!(handled.name, "consume it.batches.orders");
        assert_eq!((&handled.span_kind, &handled.status), (&SpanKind::Consumer, &Status::Unset));
        assert_eq!(number(&handled, "messaging.batch.message_count"), i64::try_from(expected).ok());
        assert_eq!(links(&handled).len(), expected);
        assert_eq!(outcome(&handled), worst);
    }
}

/// Scenario: a batch is refused, and its messages come again.
/// Guarantees: the next batch is linked to the one before, once for each message, beside its creators.
#[tokio::test]
async fn a_batch_that_comes_again_is_linked() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.batches.again").await;
    let work = work_on("ORD-B4");
    let two = NonZeroUsize::new(2).expect("not zero");
    for _ in 0..two.get() {
        publish(&channel, "it.batches.again", &work).await;
    }
    let mut consumer = consume(&channel, "it.batches.again").await;
    let mut handled = vec![];
    for requeue in [true, false] {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let batch = consumer.next_batch(two).await.expect("messages").expect("no error");
        assert_eq!(batch.len(), two.get());
        for delivery in batch.iter() {
            let options = BasicNackOptions { requeue, ..BasicNackOptions::default() };
            assert!(delivery.nack(options).await.expect("refused"));
        }
        let trace = batch.context().span().span_context().trace_id();
        drop(batch);
        handled.push(span(trace, "consume"));
    }
    assert_eq!(attempt_before(&handled[0]), None);
    let first = handled[0].span_context.clone();
    let attempts: Vec<_> = links(&handled[1]).into_iter().filter(|(_, why)| why == "attempt").collect();
    assert_eq!(attempts, [(first.clone(), "attempt".to_owned()), (first, "attempt".to_owned())]);
    assert_eq!(links(&handled[1]).len(), 2 * two.get());
}

/// Scenario: a batch waits for company: two messages come at once and a third later; then nothing comes; then the caller
/// gives up while it waits.
/// Guarantees: what comes in time is in the batch; a batch that is full does not wait; one that is not full is there after
/// the time; and given up, it loses nothing.
#[tokio::test]
async fn a_batch_waits_for_company() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.batches.company").await;
    let work = work_on("ORD-B5");
    let mut consumer = consume(&channel, "it.batches.company").await;
    let three = NonZeroUsize::new(3).expect("not zero");
    for _ in 0..2 {
        publish(&channel, "it.batches.company", &work).await;
    }
    let late = async {
        sleep(Duration::from_millis(300)).await;
        publish(&channel, "it.batches.company", &work).await;
    };
    let started = Instant::now();
    let (batch, ()) = tokio::join!(consumer.next_batch_within(three, Duration::from_secs(60)), late);
    let batch = batch.expect("messages").expect("no error");
    assert_eq!(batch.len(), 3);
    assert!(started.elapsed() < Duration::from_secs(30), "a full batch does not wait");
    assert!(batch.ack().await.expect("acknowledged"));

    publish(&channel, "it.batches.company", &work).await;
    let waiting = consumer.next_batch_within(three, Duration::from_secs(60));
    assert!(timeout(Duration::from_millis(500), waiting).await.is_err(), "it waits for company");
    let batch = consumer.next_batch_within(three, Duration::from_millis(100)).await;
    let batch = batch.expect("messages").expect("no error");
    assert_eq!(batch.len(), 1);
    assert!(batch.ack().await.expect("acknowledged"));
}

/// Scenario: the batch of a handler that is slow comes near the broker's timeout, and waits for company no longer than is
/// good for it.
/// Guarantees: its span says `overdue`, and the wait is cut to half of the timeout.
#[tokio::test]
async fn a_batch_can_be_overdue() {
    let Some((_connection, channel)) = connect().await else { return };
    let channel = channel.with(Settings::default().ack_timeout(Duration::from_secs(2)));
    queue(&channel, "it.batches.overdue").await;
    let work = work_on("ORD-B6");
    publish(&channel, "it.batches.overdue", &work).await;
    let mut consumer = consume(&channel, "it.batches.overdue").await;
    let (two, started) = (NonZeroUsize::new(2).expect("not zero"), Instant::now());
    let batch = consumer.next_batch_within(two, Duration::from_secs(60)).await;
    let batch = batch.expect("messages").expect("no error");
    assert!(started.elapsed() < Duration::from_secs(30));
    let trace = batch.context().span().span_context().trace_id();
    sleep(Duration::from_millis(2600)).await;
    assert!(batch.ack().await.expect("acknowledged"));
    drop(batch);
    assert_eq!(text(&span(trace, "consume"), "journey.messaging.overdue"), "true");
}

/// Scenario: a batch waits for company for half of the broker's timeout before it is handed over; the handler then takes a
/// time that is short by itself, and too long together with that.
/// Guarantees: its span says `overdue`: the clock runs since the first message came (it once began at the hand-over).
#[tokio::test]
async fn a_batch_is_as_old_as_its_first_message() {
    let Some((_connection, channel)) = connect().await else { return };
    let timeout = Duration::from_secs(4);
    let channel = channel.with(Settings::default().ack_timeout(timeout));
    queue(&channel, "it.batches.old").await;
    let work = work_on("ORD-B7");
    publish(&channel, "it.batches.old", &work).await;
    let mut consumer = consume(&channel, "it.batches.old").await;
    let two = NonZeroUsize::new(2).expect("not zero");
    let started = Instant::now();
    let batch = consumer.next_batch_within(two, timeout / 2).await.expect("messages").expect("no error");
    assert!(started.elapsed() >= timeout / 2, "it waited");
    let handed_over = Instant::now();
    // Until the message is overdue, and the watcher has looked.
    sleep((started + timeout.mul_f64(OVERDUE_AFTER) + 2 * WATCH_INTERVAL) - Instant::now()).await;
    let trace = batch.context().span().span_context().trace_id();
    assert!(batch.ack().await.expect("acknowledged"));
    assert!(handed_over.elapsed() < timeout.mul_f64(OVERDUE_AFTER), "else it proves nothing");
    drop(batch);
    assert_eq!(text(&span(trace, "consume"), "journey.messaging.overdue"), "true");
}

/// Scenario: a clone of a consumer waits for a message while a batch of another clone holds one and waits for company; the
/// batch is given up. Then a batch that is given up leaves a message, and a delegate takes the consumer over.
/// Guarantees: the clone is woken and gets the message; the delegate gets the other. (Nobody was woken, and the message lay
/// there until another came; the delegate never got it.)
#[tokio::test]
async fn what_a_batch_gives_back_is_for_others() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.batches.back").await;
    let two = NonZeroUsize::new(2).expect("not zero");
    let mut consumer = consume(&channel, "it.batches.back").await;
    let mut clone = consumer.clone();
    publish(&channel, "it.batches.back", &work_on("ORD-B8")).await;
    let mut batch = Box::pin(consumer.next_batch_within(two, PATIENCE));
    assert!(timeout(Duration::from_millis(500), &mut batch).await.is_err(), "it waits for company");
    let waiting = tokio::spawn(async move {
        let delivery = next(&mut clone).await;
        (order_of(delivery.context()), delivery.ack(BasicAckOptions::default()).await)
    });
    sleep(Duration::from_millis(100)).await;
    drop(batch);
    let (order, acked) = timeout(PATIENCE, waiting).await.expect("it is woken").expect("no panic");
    assert_eq!((order.as_deref(), acked.expect("acknowledged")), (Some("ORD-B8"), true));

    publish(&channel, "it.batches.back", &work_on("ORD-B9")).await;
    let batch = consumer.next_batch_within(two, PATIENCE);
    assert!(timeout(Duration::from_millis(500), batch).await.is_err(), "it waits for company");
    let (sender, mut handed_over) = tokio::sync::mpsc::unbounded_channel();
    consumer.set_delegate(move |delivery: lapin::Result<Option<TracedDelivery>>| {
        let sender = sender.clone();
        async move {
            let delivery = delivery.expect("no error").expect("no end");
            assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));
            sender.send(order_of(&Context::current())).expect("the test waits");
        }
    });
    publish(&channel, "it.batches.back", &work_on("ORD-B10")).await;
    for expected in ["ORD-B9", "ORD-B10"] {
        let order = timeout(PATIENCE, handed_over.recv()).await.expect("it is handed over");
        assert_eq!(order.flatten().as_deref(), Some(expected));
    }
}

/// Scenario: a channel is asked to give settlements spans of their own.
/// Guarantees: a CLIENT span `ack`, child of the delivery's.
#[tokio::test]
async fn settlements_have_spans_if_asked_for() {
    let Some((_connection, channel)) = connect().await else { return };
    let channel = channel.with(Settings::default().settle_spans());
    queue(&channel, "it.batches.settled").await;
    let work = work_on("ORD-B3");
    publish(&channel, "it.batches.settled", &work).await;
    let delivery = next(&mut consume(&channel, "it.batches.settled").await).await;
    assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    let (consumed, acked) = (span(trace_of(&work), "consume"), span(trace_of(&work), "ack"));
    assert_eq!((acked.name.as_ref(), acked.span_kind), ("ack it.batches.settled", SpanKind::Client));
    assert_eq!(acked.parent_span_id, consumed.span_context.span_id());
    assert_eq!(spans(trace_of(&work), "ack").len(), 1);
}

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
