//! Services of other languages under OpenTelemetry's official instrumentations. Their programs lie in `tests/peers`.

use std::path::Path;
use std::time::Duration;

use journey_lapin::Channel;
use journey_testkit::collector::Collector;
use journey_testkit::env_url;
use journey_testkit::peers::{Language, Peer};
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanId, TraceContextExt as _, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;
use tokio::process::{Child, Command};

use super::bench::{
    connect, consume, links, next, next_within, order_of, span, spans, text, trace_of, work_on,
};

/// Scenario: a service in Python, first by pika, then by aio-pika, answers a message of ours, and we one of its own.
/// Guarantees: both traces go there and back, see [`both_ways`].
#[tokio::test]
async fn python_continues_our_traces_and_we_its() {
    let Some(peer) = peer(Language::Python) else { return };
    // Its instrumentation wraps a blocking channel and the channel beneath: a publish is two spans, one in the other.
    both_ways(&peer, "pika", 2).await;
    both_ways(&peer, "aio-pika", 1).await;
}

/// Scenario: a service in JavaScript, by amqplib, answers a message of ours, and we one of its own.
/// Guarantees: both traces go there and back, see [`both_ways`].
#[tokio::test]
async fn javascript_continues_our_traces_and_we_its() {
    let Some(peer) = peer(Language::JavaScript) else { return };
    both_ways(&peer, "amqplib", 1).await;
}

/// Each span is the child of the one before, across the border in both directions, and both sides know the order from
/// the baggage. Handlers of the peers write it down; their instrumentations do not, and make `producers` spans of a
/// publish. Our spans keep the conventions, which [`spans`] sees to.
async fn both_ways(peer: &Peer, client: &str, producers: usize) {
    let Some((_connection, channel)) = connect().await else { return };
    let collector = Collector::start().expect("a collector");
    let name = |way: &str| format!("it.peers.{client}.{way}.{}", std::process::id());
    let (to_peer, from_peer) = (name("to"), name("from"));
    shared_queue(&channel, &to_peer).await;
    shared_queue(&channel, &from_peer).await;
    let mut consumer = consume(&channel, &from_peer).await;
    let mut child = start(peer, &[client, &to_peer, &from_peer, "ORD-THEIRS"], &collector);

    let delivery = next_within(&mut consumer, START_MAX).await;
    let their_trace = delivery.context().span().span_context().trace_id();
    assert_eq!(order_of(delivery.context()).as_deref(), Some("ORD-THEIRS"));
    publish(&channel, &to_peer, delivery.context(), BasicProperties::default()).await;
    assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));

    let work = work_on("ORD-OURS");
    let our_trace = trace_of(&work);
    let asking = BasicProperties::default().with_reply_to(from_peer.as_str().into());
    publish(&channel, &to_peer, work.context(), asking).await;
    let answer = next(&mut consumer).await;
    assert_eq!(order_of(answer.context()).as_deref(), Some("ORD-OURS"));
    assert!(answer.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    drop(work);

    let ended = tokio::time::timeout(START_MAX, child.wait()).await.expect("the peer ends");
    assert!(ended.expect("the peer is waited for").success());
    let exported = exported(&collector);
    assert_eq!(story(our_trace, &exported), our_story(producers), "{client}");
    assert_eq!(story(their_trace, &exported), their_story(producers), "{client}");
    for trace in [our_trace, their_trace] {
        let consumed = span(trace, "consume");
        assert_eq!(links(&consumed)[0].0.span_id(), consumed.parent_span_id, "the creator is linked too");
    }
}

/// We ask, they answer.
fn our_story(producers: usize) -> Vec<&'static str> {
    let mut story = vec!["ours: Internal ORD-OURS", "ours: Producer ORD-OURS"];
    story.extend(["theirs: Consumer", "theirs: Internal ORD-OURS"]);
    story.extend(["theirs: Producer"].repeat(producers));
    story.push("ours: Consumer ORD-OURS");
    story
}

/// They ask, we answer.
fn their_story(producers: usize) -> Vec<&'static str> {
    let mut story = vec!["theirs: Internal"];
    story.extend(["theirs: Producer"].repeat(producers));
    story.extend(["ours: Consumer ORD-THEIRS", "ours: Producer ORD-THEIRS"]);
    story.extend(["theirs: Consumer", "theirs: Internal ORD-THEIRS"]);
    story
}

/// `None`: its libraries are not installed, skip.
fn peer(language: Language) -> Option<Peer> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    Peer::new(language, sources, Path::new(env!("CARGO_TARGET_TMPDIR"))).ready()
}

fn start(peer: &Peer, arguments: &[&str], collector: &Collector) -> Child {
    let url = env_url("JOURNEY_AMQP_URL").expect("there is a connection to it");
    let mut command = Command::from(peer.command());
    command.args(arguments).env("JOURNEY_AMQP_URL", url).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    command.kill_on_drop(true).spawn().expect("the interpreter was found before")
}

/// A queue that other connections may use. The broker removes it when nobody does any more.
async fn shared_queue(channel: &Channel, name: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(60_000));
    let options = QueueDeclareOptions::default();
    channel.queue_declare(name.into(), options, arguments).await.expect("a queue");
}

async fn publish(channel: &Channel, queue: &str, context: &Context, properties: BasicProperties) {
    let options = BasicPublishOptions::default();
    let sending = channel.basic_publish("".into(), queue.into(), options, b"{}", properties);
    sending.with_context(context.clone()).await.expect("sent").await.expect("published");
}

// === the spans of both sides ===

/// A span, whoever made it.
struct Hop {
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    /// Whose it is, its kind, and the order if it names one.
    told: String,
}

/// The spans of a trace, each the child of the one before.
fn story(trace: TraceId, exported: &[Span]) -> Vec<String> {
    let ours = spans(trace, "");
    let hops = ours.iter().map(Hop::ours).chain(exported.iter().map(Hop::theirs));
    let mut left: Vec<Hop> = hops.filter(|hop| hop.trace == trace).collect();
    let (mut told, mut parent) = (Vec::new(), SpanId::INVALID);
    while let Some(at) = left.iter().position(|hop| hop.parent == parent) {
        let hop = left.swap_remove(at);
        parent = hop.id;
        told.push(hop.told);
    }
    let apart: Vec<&str> = left.iter().map(|hop| hop.told.as_str()).collect();
    assert!(apart.is_empty(), "{told:?} and apart from them {apart:?}");
    told
}

impl Hop {
    fn ours(span: &SpanData) -> Self {
        let told = format!("ours: {:?} {}", span.span_kind, text(span, "order.id"));
        let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
        Self { trace, id, parent: span.parent_span_id, told: told.trim_end().to_owned() }
    }

    fn theirs(span: &Span) -> Self {
        let order = span.attributes.iter().find(|attribute| attribute.key == "order.id");
        let order = match order.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
            Some(Value::StringValue(order)) => order.as_str(),
            _ => "",
        };
        let told = format!("theirs: {:?} {order}", span.kind());
        let trace = TraceId::from_bytes(span.trace_id.as_slice().try_into().expect("16 bytes"));
        Self {
            trace,
            id: span_id(&span.span_id),
            parent: span_id(&span.parent_span_id),
            told: told.trim_end().to_owned(),
        }
    }
}

/// The id in these bytes; a root has none for its parent.
fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(SpanId::INVALID, SpanId::from_bytes)
}

fn exported(collector: &Collector) -> Vec<Span> {
    let requests = collector
        .bodies()
        .into_iter()
        .map(|body| ExportTraceServiceRequest::decode(body.as_slice()).expect("an OTLP request"));
    let groups = requests.flat_map(|request| request.resource_spans);
    groups.flat_map(|group| group.scope_spans).flat_map(|scope| scope.spans).collect()
}

/// How long an interpreter may take to load its libraries, or to flush and end, on a busy machine.
const START_MAX: Duration = Duration::from_secs(20);
