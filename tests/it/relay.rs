//! The relay between OTLP/HTTP and a real RabbitMQ.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use journey_bridge::relay::{Config, Counters, Refusal, Relay};
use journey_model::stream;
use journey_testkit::env_url;
use journey_testkit::services::{Home, Kind, Service};
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

/// A relay in this process, on a free port.
struct Running {
    address: SocketAddr,
    counters: Arc<Counters>,
    http: reqwest::Client,
}

impl Running {
    async fn start(amqp: &str) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let amqp = Config::parse_amqp(amqp).expect("an AMQP URL");
        let relay = Relay::bind(Config { listen, amqp }).await.expect("a free port");
        let (address, counters) = (relay.local_addr().expect("an address"), relay.counters());
        tokio::spawn(relay.run(std::future::pending()));
        Self { address, counters, http: reqwest::Client::new() }
    }

    async fn post(&self, body: Vec<u8>) -> reqwest::Response {
        let request = self.http.post(format!("http://{}/v1/traces", self.address));
        request.header("content-type", stream::CONTENT_TYPE).body(body).send().await.expect("an answer")
    }

    async fn is_ready(&self) -> bool {
        let answer =
            self.http.get(format!("http://{}/readyz", self.address)).send().await.expect("an answer");
        answer.status() == 200
    }

    async fn becomes_ready(&self) {
        let started = Instant::now();
        while !self.is_ready().await {
            assert!(started.elapsed() < Duration::from_secs(60), "the relay is not ready after 60 s");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Spans that no other request has: their names hold the time.
fn request(spans: usize, padding: usize) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let span = |number: usize| Span {
        name: format!("{}-{number}", now.as_nanos()),
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        trace_state: "x".repeat(padding),
        ..Span::default()
    };
    let scope = ScopeSpans { spans: (0..spans).map(span).collect(), ..ScopeSpans::default() };
    let group = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

/// None for a body that is no OTLP: other tests share the stream, and one of them puts such a message into it.
fn span_names(body: &[u8]) -> Vec<String> {
    let request = ExportTraceServiceRequest::decode(body).unwrap_or_default();
    let scopes = request.resource_spans.into_iter().flat_map(|group| group.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect()
}

/// Reads the stream from its first message. Offsets of a stream count from 0 and never end.
async fn read_stream(url: &str) -> (Connection, Channel, Consumer) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    channel.basic_qos(500, BasicQosOptions::default()).await.expect("qos");
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), AMQPValue::LongString("first".into()));
    let options = BasicConsumeOptions::default();
    let consumer = channel
        .basic_consume(stream::EVENTS.into(), "".into(), options, arguments)
        .await
        .expect("a consumer");
    (connection, channel, consumer)
}

/// Reads until this body, or all of these spans, came; gives the messages that held them.
async fn find(consumer: &mut Consumer, wanted: &[String]) -> Vec<lapin::message::Delivery> {
    let (mut missing, mut found) = (wanted.to_vec(), Vec::new());
    while !missing.is_empty() {
        let next = tokio::time::timeout(Duration::from_secs(20), consumer.next()).await;
        let delivery = next.expect("a message within 20 s").expect("an endless stream").expect("a message");
        // Acknowledging gives credit for more; it removes nothing.
        assert!(delivery.ack(Default::default()).await.expect("acknowledged"));
        let names = span_names(&delivery.data);
        if names.iter().any(|name| missing.contains(name)) {
            missing.retain(|name| !names.contains(name));
            found.push(delivery);
        }
    }
    found
}

/// Scenario: an OTLP request is posted, then the same once more.
/// Guarantees: 200 after the broker has it; the bytes stand in the stream, described by its properties, and a
/// repeat has the same message id.
#[tokio::test]
async fn a_request_reaches_the_stream() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let relay = Running::start(&url).await;
    relay.becomes_ready().await;
    let body = request(3, 0);
    for _ in 0..2 {
        let answer = relay.post(body.clone()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], stream::CONTENT_TYPE);
        assert!(answer.bytes().await.expect("a body").is_empty());
    }
    assert_eq!(relay.counters.messages(), 2);

    let (_connection, _channel, mut consumer) = read_stream(&url).await;
    let first = find(&mut consumer, &span_names(&body)).await.remove(0);
    let again = find(&mut consumer, &span_names(&body)).await.remove(0);
    assert_eq!(first.data, body);
    assert_eq!(first.routing_key.as_str(), stream::EVENTS);
    let properties = &first.properties;
    assert_eq!(properties.content_type().as_ref().map(|text| text.as_str()), Some(stream::CONTENT_TYPE));
    assert_eq!(properties.delivery_mode(), &Some(2));
    assert!(properties.timestamp().is_some());
    let headers = properties.headers().as_ref().expect("headers").inner();
    assert_eq!(headers.get("signal"), Some(&AMQPValue::LongString("traces".into())));
    assert_eq!(properties.message_id(), again.properties.message_id());
    assert!(properties.message_id().is_some());
}

/// Scenario: a request of several megabytes from one service.
/// Guarantees: it becomes several messages within the limit that hold all of its spans.
#[tokio::test]
async fn a_large_request_is_split() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let relay = Running::start(&url).await;
    relay.becomes_ready().await;
    let body = request(3_000, 1_000);
    assert!(body.len() > 3 * stream::BODY_BYTES_MAX);
    assert_eq!(relay.post(body.clone()).await.status(), 200);

    let (_connection, _channel, mut consumer) = read_stream(&url).await;
    let messages = find(&mut consumer, &span_names(&body)).await;
    assert!(messages.len() >= 4);
    assert!(messages.iter().all(|message| message.data.len() <= stream::BODY_BYTES_MAX));
    let names: Vec<_> = messages.iter().flat_map(|message| span_names(&message.data)).collect();
    assert_eq!(names, span_names(&body));
}

/// Scenario: many clients post at the same time.
/// Guarantees: each is answered 200, or 503 when all places are taken; every 200 stands in the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_are_all_confirmed() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let relay = Arc::new(Running::start(&url).await);
    relay.becomes_ready().await;
    let posts = (0..200).map(|_| {
        let relay = Arc::clone(&relay);
        tokio::spawn(async move {
            let body = request(1, 10);
            let status = relay.post(body.clone()).await.status().as_u16();
            (status, span_names(&body))
        })
    });
    let mut taken = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        let (status, names) = post.await.expect("no panic");
        assert!(status == 200 || status == 503, "{status}");
        if status == 200 {
            taken.extend(names);
        }
    }
    assert!(taken.len() >= journey_bridge::limits::REQUESTS_IN_FLIGHT_MAX);
    let refused = relay.counters.refused(Refusal::Busy);
    assert_eq!(taken.len() as u64 + refused, 200);
    let (_connection, _channel, mut consumer) = read_stream(&url).await;
    find(&mut consumer, &taken).await;
}

/// Scenario: the relay starts without a broker; the broker comes, is killed, and comes back; then its binding is lost.
/// Guarantees: 503 with Retry-After while there is none, never a 200; it serves again by itself each time, and heals
/// the lost binding after one refusal.
#[tokio::test]
async fn the_broker_comes_and_goes() {
    if env_url("JOURNEY_AMQP_URL").is_none() {
        // A machine without a broker has no program to start one either.
        return;
    }
    let home = Home::new().expect("a folder");
    let broker = Service::create(Kind::RabbitMq, home.path()).expect("a private broker");
    broker.stop();
    let relay = Running::start(&broker.url()).await;
    assert!(!relay.is_ready().await);
    let refused = relay.post(request(1, 0)).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], journey_bridge::limits::RETRY_AFTER_S.to_string());

    let mut taken = Vec::new();
    for round in 0..2 {
        broker.start().expect("the broker starts again");
        relay.becomes_ready().await;
        let body = request(1, 0);
        assert_eq!(relay.post(body.clone()).await.status(), 200, "round {round}");
        taken.extend(span_names(&body));
        if round == 0 {
            tokio::time::sleep(STREAMS_SETTLED).await;
            broker.kill();
            assert_eq!(relay.post(request(1, 0)).await.status(), 503);
        }
    }

    let (_connection, channel, mut consumer) = read_stream(&broker.url()).await;
    find(&mut consumer, &taken).await;
    let nothing = FieldTable::default();
    channel
        .queue_unbind(stream::EVENTS.into(), stream::EXCHANGE.into(), stream::EVENTS.into(), nothing)
        .await
        .expect("unbound");
    assert_eq!(relay.post(request(1, 0)).await.status(), 503);
    assert_eq!(relay.counters.refused(Refusal::Returned), 1);
    relay.becomes_ready().await;
    let started = Instant::now();
    while relay.post(request(1, 0)).await.status() != 200 {
        assert!(started.elapsed() < Duration::from_secs(20), "the binding is not declared again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Measured with RabbitMQ 3.10.8: killed in the first tenth of a second after its first stream was declared, it answers
/// 404 "home node of durable queue is down" for ever after; killed some seconds later, the stream is there again.
const STREAMS_SETTLED: Duration = Duration::from_secs(6);

/// Scenario: requests that can never be taken, with a broker or without.
/// Guarantees: the answer names the reason; nothing is published.
#[tokio::test]
async fn broken_requests_are_rejected() {
    let relay = Running::start("amqp://127.0.0.1:1").await;
    let url = format!("http://{}/v1/traces", relay.address);
    let post = async |content_type: &str, body: Vec<u8>| {
        let request = relay.http.post(&url).header("content-type", content_type).body(body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    let (status, text) = post("application/json", b"{}".to_vec()).await;
    assert_eq!(status, 415);
    assert!(text.contains("send application/x-protobuf"), "{text}");
    let (status, text) = post(stream::CONTENT_TYPE, vec![0x0a, 9, 0x12]).await;
    assert_eq!(status, 400);
    assert!(text.contains("at byte 2"), "{text}");
    let (status, _) = post(stream::CONTENT_TYPE, request(1, 2 * stream::BODY_BYTES_MAX)).await;
    assert_eq!(status, 413);
    assert_eq!(relay.counters.rejected(), 3);
    let health = relay.http.get(format!("http://{}/healthz", relay.address)).send().await.expect("an answer");
    assert_eq!(health.status(), 200);
}
