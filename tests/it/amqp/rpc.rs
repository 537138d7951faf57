//! Questions over a queue, asked by the client for them.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use journey_lapin::{Channel, ChannelExt as _, Consumer, RpcClient, RpcError, TracedDelivery};
use journey_trace::{ContextExt as _, JourneyCell, Key};
use lapin::options::{BasicAckOptions, BasicCancelOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status};
use tokio::time::timeout;

use super::bench::{
    connect, consume, links, next, order_of, outcome, queue, span, spans, text, trace_of, work_on,
};

/// A client on a channel of its own.
async fn client(connection: &Connection) -> RpcClient {
    let channel = connection.create_channel().await.expect("a channel").traced().on(connection);
    RpcClient::new(&channel).await.expect("it listens")
}

/// Answers one question with what it was asked, as a service that learns the id of the production meanwhile.
async fn answer_one(channel: &Channel, questions: &mut Consumer) {
    let question = next(questions).await;
    let body = question.data.clone();
    JourneyCell::of(question.context()).expect("a delivery has a cell").set(Key::Production, "P-1");
    let answer = question.reply(channel, &body, BasicProperties::default()).await.expect("sent");
    answer.expect("the question names a queue").await.expect("confirmed");
    assert!(question.ack(BasicAckOptions::default()).await.expect("acknowledged"));
}

async fn ask(client: &RpcClient, queue: &str, body: &[u8]) -> Result<Vec<u8>, RpcError> {
    let answer = client.call("".into(), queue.into(), body, BasicProperties::default()).await?;
    Ok(answer.data)
}

/// Scenario: a service asks another over its queue.
/// Guarantees: one trace of call, publish, consume, publish; the call has the conversation's id, is linked to who answered,
/// and says so. Who answered knew the order; who asked knows then what the other learned.
#[tokio::test]
async fn a_call_is_one_trace() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.prices").await;
    let mut questions = consume(&channel, "it.rpc.prices").await;
    let (client, work) = (client(&connection).await, work_on("ORD-R1"));
    let asking = ask(&client, "it.rpc.prices", b"42").with_context(work.context().clone());
    let (answered, ()) = tokio::join!(asking, answer_one(&channel, &mut questions));
    assert_eq!(answered.expect("answered"), b"42");
    let cell = JourneyCell::of(work.context()).expect("work has a cell");
    assert_eq!(cell.get(Key::Production).as_deref(), Some("P-1"));
    assert_eq!(order_of(work.context()).as_deref(), Some("ORD-R1"));

    let call = span(trace_of(&work), "call");
    assert_eq!((call.name.as_ref(), &call.span_kind), ("call it.rpc.prices", &SpanKind::Client));
    assert_eq!((outcome(&call).as_str(), &call.status), ("answered", &Status::Unset));
    let published = spans(trace_of(&work), "publish");
    assert_eq!(published[0].parent_span_id, call.span_context.span_id());
    assert_eq!(links(&call)[0].0.span_id(), published[1].span_context.span_id());
    assert_eq!(text(&call, "messaging.destination.name"), "it.rpc.prices");
    // No operation of the conventions: it was once a `receive` of the queue that it sent to.
    assert_eq!(
        (text(&call, "messaging.system"), text(&call, "messaging.operation.type")),
        Default::default()
    );
    let conversation = text(&call, "messaging.message.conversation_id");
    assert!(!conversation.is_empty());
    for span in published.iter().chain(&spans(trace_of(&work), "consume")) {
        assert_eq!(text(span, "messaging.message.conversation_id"), conversation);
    }
}

/// Scenario: many ask at once through one client; the answers come in another order.
/// Guarantees: each gets its own answer.
#[tokio::test]
async fn answers_find_their_questions() {
    const CALLS: usize = 50;
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.many").await;
    let mut questions = consume(&channel, "it.rpc.many").await;
    let client = client(&connection).await;
    let bodies: Vec<String> = (0..CALLS).map(|number| number.to_string()).collect();
    let asking = join_all(bodies.iter().map(|body| ask(&client, "it.rpc.many", body.as_bytes())));
    let answering = async {
        let mut taken = Vec::new();
        for _ in 0..CALLS {
            taken.push(next(&mut questions).await);
        }
        for question in taken.iter().rev() {
            let sent = question.reply(&channel, &question.data, BasicProperties::default()).await;
            sent.expect("sent").expect("a queue").await.expect("confirmed");
            question.ack(BasicAckOptions::default()).await.expect("acknowledged");
        }
    };
    let (answers, ()) = tokio::join!(asking, answering);
    for (body, answer) in bodies.iter().zip(answers) {
        assert_eq!(answer.expect("answered"), body.as_bytes());
    }
}

/// Scenario: questions that no queue takes, that a full queue refuses, that nobody answers, and one whose caller gives up;
/// the answer to one comes late.
/// Guarantees: each call ends with its own outcome, all but the last as errors; the late answer reaches nobody, and the next
/// call gets its own.
#[tokio::test]
async fn a_call_without_an_answer_says_why() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.slow").await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(0));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("it.rpc.full".into(), own, arguments).await.expect("a queue");
    let client = client(&connection).await.timeout(Duration::from_millis(400));

    for (queue, expected) in
        [("it.rpc.nobody", "returned"), ("it.rpc.full", "nacked"), ("it.rpc.slow", "timed_out")]
    {
        let work = work_on("ORD-R2");
        let failure = ask(&client, queue, b"?").with_context(work.context().clone()).await;
        assert_eq!(failure.expect_err("no answer").outcome().as_str(), expected);
        let call = span(trace_of(&work), "call");
        assert_eq!((outcome(&call).as_str(), text(&call, "error.type").as_str()), (expected, expected));
        assert!(matches!(call.status, Status::Error { .. }));
    }
    let work = work_on("ORD-R3");
    let asking = ask(&client, "it.rpc.slow", b"?").with_context(work.context().clone());
    assert!(timeout(Duration::from_millis(100), asking).await.is_err(), "nobody answers");
    let given_up = span(trace_of(&work), "call");
    assert_eq!((outcome(&given_up).as_str(), &given_up.status), ("abandoned", &Status::Unset));

    let mut questions = consume(&channel, "it.rpc.slow").await;
    for _ in 0..2 {
        answer_one(&channel, &mut questions).await;
    }
    let asking = ask(&client, "it.rpc.slow", b"again");
    let (answered, ()) = tokio::join!(asking, answer_one(&channel, &mut questions));
    assert_eq!(answered.expect("answered"), b"again");
}

/// Scenario: the broker closes the client's channel while a call waits.
/// Guarantees: the call fails at once with the broker's reason, and so does a later one; the client says that it is lost.
#[tokio::test]
async fn a_closed_channel_fails_its_calls() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.closed").await;
    let own = connection.create_channel().await.expect("a channel").traced().on(&connection);
    let client = RpcClient::new(&own).await.expect("it listens");
    let work = work_on("ORD-R4");
    let asking = ask(&client, "it.rpc.closed", b"?").with_context(work.context().clone());
    let closing = async {
        drop(next(&mut consume(&channel, "it.rpc.closed").await).await);
        // The broker does not know this tag.
        own.basic_ack(4711, BasicAckOptions::default()).await.expect("sent");
    };
    let (failure, ()) = timeout(Duration::from_secs(10), async { tokio::join!(asking, closing) })
        .await
        .expect("before the timeout of the call");
    assert!(matches!(failure, Err(RpcError::Channel(_))), "{failure:?}");
    let call = span(trace_of(&work), "call");
    assert_eq!(outcome(&call), "channel_error");
    assert_eq!(text(&call, "error.type"), "amqp:precondition-failed");
    assert!(client.is_lost());
    assert!(matches!(ask(&client, "it.rpc.closed", b"?").await, Err(RpcError::Channel(_))));
}

/// Scenario: two clients are made on one channel, and both dropped; then a third. Each asks.
/// Guarantees: all are answered: the first two share what listens, and the last of them has ended it. (The second once made
/// the broker close the channel, as the third did.)
#[tokio::test]
async fn a_channel_has_one_listener() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.shared").await;
    let mut questions = consume(&channel, "it.rpc.shared").await;
    let own = connection.create_channel().await.expect("a channel").traced().on(&connection);
    let mut answered = async |client: &RpcClient| {
        let asking = ask(client, "it.rpc.shared", b"?");
        let (answered, ()) = tokio::join!(asking, answer_one(&channel, &mut questions));
        assert_eq!(answered.expect("answered"), b"?");
    };
    let (first, second) = tokio::join!(RpcClient::new(&own), RpcClient::new(&own));
    let (first, second) = (first.expect("it listens"), second.expect("it listens too"));
    answered(&first).await;
    drop(first);
    answered(&second).await;
    drop(second);
    let third = RpcClient::new(&own).await.expect("it listens");
    answered(&third).await;
    assert!(own.status().connected() && !third.is_lost());
}

/// Scenario: the last client of a channel lives in what handles the messages of a consumer of it, which is cancelled.
/// Guarantees: the cancel comes back, and the connection goes on.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_client_may_go_with_a_consumer() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.delegate").await;
    let own = connection.create_channel().await.expect("a channel").traced().on(&connection);
    let client = RpcClient::new(&own).await.expect("it listens");
    let consumer = consume(&own, "it.rpc.delegate").await;
    let tag = consumer.tag();
    consumer.set_delegate(move |_: lapin::Result<Option<TracedDelivery>>| {
        let client = client.clone();
        async move { drop(client) }
    });
    drop(consumer);
    let cancel = tokio::spawn({
        let own = own.clone();
        async move { own.basic_cancel(tag, BasicCancelOptions::default()).await }
    });
    let cancelled = timeout(Duration::from_secs(10), cancel).await.expect("it comes back");
    cancelled.expect("no panic").expect("it is there");
    assert!(connection.create_channel().await.is_ok());
}

/// Scenario: whoever makes a client leaves while the broker has yet to answer; then another one is made.
/// Guarantees: it is answered, and the channel lives.
#[tokio::test]
async fn a_client_that_was_left_halfway_leaves_nothing() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.left").await;
    let mut questions = consume(&channel, "it.rpc.left").await;
    let own = connection.create_channel().await.expect("a channel").traced().on(&connection);
    own.confirm_select(ConfirmSelectOptions::default()).await.expect("it confirms");
    for _ in 0..5 {
        assert!(RpcClient::new(&own).now_or_never().is_none(), "the broker has yet to answer");
    }
    let client = RpcClient::new(&own).await.expect("it listens");
    let asking = ask(&client, "it.rpc.left", b"?");
    let (answered, ()) = tokio::join!(asking, answer_one(&channel, &mut questions));
    assert_eq!(answered.expect("answered"), b"?");
    assert!(own.status().connected());
}

/// Scenario: a question in a context without a cell.
/// Guarantees: the call needs none.
#[tokio::test]
async fn a_call_needs_no_cell() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.rpc.plain").await;
    let mut questions = consume(&channel, "it.rpc.plain").await;
    let client = client(&connection).await;
    let context = opentelemetry::Context::new().with_cell(JourneyCell::new());
    let asking = ask(&client, "it.rpc.plain", b"?").with_context(opentelemetry::Context::new());
    let (answered, ()) = tokio::join!(asking, answer_one(&channel, &mut questions).with_context(context));
    assert_eq!(answered.expect("answered"), b"?");
}
