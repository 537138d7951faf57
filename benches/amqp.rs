//! What does a message cost the client?
//!
//! One kilobyte to a queue or from it, by one channel. lapin works on threads of its own, so the whole process is
//! measured, whose spans are exported meanwhile.
//!
//! * `publish`: one message after the other, each confirm awaited;
//! * `publish_many`: all messages of a request at once, then their confirms;
//! * `consume`: messages that wait in a queue, handled and acknowledged one after the other.
//!
//! lapin's own channel sends the same headers, and takes turns with ours every 64 messages: so what they differ by is what
//! our crate does, and a bad moment of the machine hits both.
//!
//! And the headers alone: a `traceparent` into empty ones (`headers/inject`), and from them (`headers/extract`).

use std::env;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use journey::lapin::{self as traced, ChannelExt};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use tokio::runtime::Runtime;

use crate::case::{Case, Cases, Clock};
use crate::ours::{self, Ours};

/// By the name `{work}/{parent}`. Each is compared to lapin's own channel, on the same connection, which is alone in
/// `lapin/{work}`: whose instructions are counted is a process of its own.
pub fn cases() -> Cases {
    let all = WORKS.iter().flat_map(|work| PARENTS.iter().map(move |parent| (work, parent)));
    let works = all.map(|(&(name, work), &(parent, sampled))| {
        let set_up = move || work.case(sampled);
        (format!("{name}/{parent}"), Box::new(set_up) as Box<dyn FnOnce() -> Case>)
    });
    let headers = HEADERS
        .iter()
        .map(|&(name, set_up)| (format!("headers/{name}"), Box::new(set_up) as Box<dyn FnOnce() -> Case>));
    let alone = WORKS.iter().map(|&(name, work)| {
        let set_up = move || work.alone();
        (format!("lapin/{name}"), Box::new(set_up) as Box<dyn FnOnce() -> Case>)
    });
    works.chain(alone).chain(headers).collect()
}

const WORKS: [(&str, Work); 3] =
    [("publish", Work::Publish), ("publish_many", Work::PublishMany), ("consume", Work::Consume)];

const PARENTS: [(&str, bool); 2] = [("sampled", true), ("unsampled", false)];

#[derive(Debug, Clone, Copy)]
enum Work {
    Consume,
    Publish,
    PublishMany,
}

impl Work {
    fn case(self, sampled: bool) -> Case {
        let request = ours::request(sampled);
        let ours = Ours::start(ours::telemetry(sampled, false));
        let line = Rc::new(Line::open());
        let base = self.operation(&line, line.raw(&request), request.clone());
        let case = ours.case(self.operation(&line, line.traced(), request.clone()));
        Case { base: Some(base), ..self.by_turns(case, line, request) }
    }

    /// lapin's own channel alone.
    fn alone(self) -> Case {
        let request = ours::request(true);
        let line = Rc::new(Line::open());
        let case = Case::bare(self.operation(&line, line.raw(&request), request.clone()));
        self.by_turns(case, line, request)
    }

    fn by_turns(self, case: Case, line: Rc<Line>, request: Context) -> Case {
        let prepare: Box<dyn FnMut(u64)> = match self {
            Work::Consume => Box::new(move |messages| line.fill(messages, &request)),
            Work::Publish | Work::PublishMany => Box::new(|_| ()),
        };
        let per_call = MESSAGES_PER_TURN;
        Case { clock: Clock::Process, per_call, prepare, turn: Some(per_call), ..case }
    }

    fn operation(self, line: &Rc<Line>, client: impl Client + 'static, request: Context) -> Box<dyn FnMut()> {
        let line = Rc::clone(line);
        Box::new(move || {
            let work = async {
                match self {
                    Work::Consume => client.consume(MESSAGES_PER_TURN).await,
                    Work::Publish => publish(&client, MESSAGES_PER_TURN).await,
                    Work::PublishMany => publish_many(&client, MESSAGES_PER_TURN).await,
                }
            };
            line.runtime.block_on(work.with_context(request.clone()));
        })
    }
}

async fn publish(client: &impl Client, messages: u64) {
    for _ in 0..messages {
        taken(client.publish().await.await);
    }
}

async fn publish_many(client: &impl Client, messages: u64) {
    let mut confirms = Vec::new();
    for _ in 0..messages {
        confirms.push(client.publish().await);
    }
    for confirm in confirms {
        taken(confirm.await);
    }
}

fn taken(confirmed: lapin::Result<Confirmation>) {
    assert_eq!(confirmed.expect("the connection holds"), Confirmation::Ack(None));
}

/// What lapin's channel and ours have in common.
trait Client {
    type Confirm: Future<Output = lapin::Result<Confirmation>>;

    async fn publish(&self) -> Self::Confirm;

    /// Consumes so many messages, and handles them one after the other.
    async fn consume(&self, messages: u64);
}

/// lapin's own channel, and the headers that ours writes.
struct Raw {
    channel: Channel,
    headers: BasicProperties,
}

impl Client for Raw {
    type Confirm = lapin::PublisherConfirm;

    async fn publish(&self) -> Self::Confirm {
        let (options, properties) = (BasicPublishOptions::default(), self.headers.clone());
        let sending = self.channel.basic_publish("".into(), QUEUE.clone(), options, &BODY, properties);
        sending.await.expect("it is sent")
    }

    async fn consume(&self, messages: u64) {
        let (options, arguments): (BasicConsumeOptions, _) = Default::default();
        let mut consumer = self
            .channel
            .basic_consume(QUEUE.clone(), "".into(), options, arguments)
            .await
            .expect("the queue is there");
        for _ in 0..messages {
            let delivery = consumer.next().await.expect("more is there").expect("the channel holds");
            assert!(delivery.ack(BasicAckOptions::default()).await.expect("the channel holds"));
        }
        self.channel
            .basic_cancel(consumer.tag(), BasicCancelOptions::default())
            .await
            .expect("it is cancelled");
    }
}

impl Client for traced::Channel {
    type Confirm = traced::PublisherConfirm;

    async fn publish(&self) -> Self::Confirm {
        let (options, properties) = Default::default();
        self.basic_publish("".into(), QUEUE.clone(), options, &BODY, properties).await.expect("it is sent")
    }

    async fn consume(&self, messages: u64) {
        let (options, arguments): (BasicConsumeOptions, _) = Default::default();
        let mut consumer = self
            .basic_consume(QUEUE.clone(), "".into(), options, arguments)
            .await
            .expect("the queue is there");
        for _ in 0..messages {
            let delivery = consumer.next().await.expect("more is there").expect("the channel holds");
            let handled = delivery.process(async |delivery| delivery.ack(BasicAckOptions::default()).await);
            assert!(handled.await.expect("the channel holds"));
        }
        self.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await.expect("it is cancelled");
    }
}

/// A connection with one channel that gives confirms, and a queue of its own.
struct Line {
    runtime: Runtime,
    uri: AMQPUri,
    connection: Connection,
    channel: Channel,
}

impl Line {
    fn open() -> Self {
        let uri: AMQPUri = env::var(URL).ok().and_then(|url| url.parse().ok()).expect("an URL of a broker");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (connection, channel) = runtime.block_on(connect(&uri)).expect("the broker is there");
        Self { runtime, uri, connection, channel }
    }

    fn traced(&self) -> traced::Channel {
        self.channel.clone().traced().at(&self.uri).on(&self.connection)
    }

    fn raw(&self, request: &Context) -> Raw {
        Raw { channel: self.channel.clone(), headers: headers(request) }
    }

    /// Publishes messages as a service of ours does.
    fn fill(&self, messages: u64, request: &Context) {
        let properties = headers(request);
        self.runtime.block_on(async {
            let mut confirms = Vec::new();
            for _ in 0..messages {
                let (options, properties) = (BasicPublishOptions::default(), properties.clone());
                let sent =
                    self.channel.basic_publish("".into(), QUEUE.clone(), options, &BODY, properties).await;
                confirms.push(sent.expect("it is sent"));
            }
            for confirm in confirms {
                taken(confirm.await);
            }
        });
    }
}

/// What a publish of ours writes.
fn headers(request: &Context) -> BasicProperties {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
    let properties = traced::inject(BasicProperties::default(), request);
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert("journey-sent-ms".into(), AMQPValue::LongLongInt(now_ms.try_into().unwrap_or(i64::MAX)));
    properties.with_headers(headers)
}

async fn connect(uri: &AMQPUri) -> lapin::Result<(Connection, Channel)> {
    let connection = Connection::connect_uri(uri.clone(), ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    // What is only published is thrown away in the end.
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(MESSAGES_MAX));
    channel.queue_declare(QUEUE.clone(), own, arguments).await?;
    Ok((connection, channel))
}

type HeadersCase = (&'static str, fn() -> Case);

const HEADERS: [HeadersCase; 3] = [
    ("none", || Case::bare(|| drop(black_box(BasicProperties::default())))),
    ("inject", || {
        let request = ours::remote_parent(true);
        Case::bare(move || drop(black_box(traced::inject(BasicProperties::default(), &request))))
    }),
    ("extract", || {
        let message = traced::inject(BasicProperties::default(), &ours::remote_parent(true));
        Case::bare(move || drop(black_box(traced::extract(&message))))
    }),
];

const URL: &str = "JOURNEY_AMQP_URL";
/// Of this process alone: each case has one.
static QUEUE: LazyLock<ShortString> =
    LazyLock::new(|| format!("journey.bench.{}", std::process::id()).into());
static BODY: [u8; 1024] = [b'x'; 1024];
const MESSAGES_MAX: i32 = 4096;
/// Enough that entering a runtime, and starting a consumer, is little for each. A consumer takes all that are there: what
/// the broker had sent to one that is cancelled would stay away.
const MESSAGES_PER_TURN: u64 = 64;
/// Messages that the broker sends ahead.
const PREFETCH: u16 = 64;
