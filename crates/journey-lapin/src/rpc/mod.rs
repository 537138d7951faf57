//! Questions over a queue, and their answers.

mod call;
mod error;
mod listener;
mod pending;

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use journey_trace::{JourneyCell, Key};
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Confirmation, Result};
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use tokio::time::timeout;

use crate::channel::Channel;
use crate::destination::Place;
use crate::extract;
use crate::limits::CALL_TIMEOUT;

use call::OpenCall;
pub use error::RpcError;
pub(crate) use listener::{Listener, Slot};
use pending::Waiting;

/// Asks services over their queues, and waits for what they answer ([`crate::TracedDelivery::reply`]).
///
/// Answers come over RabbitMQ's [direct reply-to](https://www.rabbitmq.com/docs/direct-reply-to): no queue is declared, and
/// an answer that nobody waits for any more is thrown away. All clients of a channel share the table of waiting calls, which holds
/// [`crate::limits::CALLS_MAX`]; a further call fails at once, as `full`.
///
/// Each call has a CLIENT span `call {exchange}:{routing key}` from the question to its answer, with `correlation_id` as
/// `messaging.message.conversation_id` and how it ended ([`crate::CallOutcome`]). It is no messaging operation of the
/// conventions, which know no call, and so has neither `messaging.system` nor `messaging.operation.type`. The span of the
/// publish is its child, and it is linked to the one that published the answer. Ids that the answer brings go into the caller's cell.
///
/// ```no_run
/// use journey_lapin::{ChannelExt, RpcClient};
/// use lapin::BasicProperties;
///
/// # async fn example(connection: lapin::Connection) -> Result<(), Box<dyn std::error::Error>> {
/// let channel = connection.create_channel().await?.traced().on(&connection);
/// let prices = RpcClient::new(&channel).await?;
/// let answer = prices.call("".into(), "price.questions".into(), b"{}", BasicProperties::default()).await?;
/// println!("{} bytes", answer.data.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RpcClient {
    channel: Channel,
    listener: Arc<Listener>,
    /// Unlike that of any other client, so that a late answer to one that used this channel before is nobody's.
    name: u64,
    next: Arc<AtomicU64>,
    timeout: Duration,
}

impl RpcClient {
    /// Begins to listen for answers on this channel, and asks it for confirms, so that a question that no queue takes fails
    /// at once. The last client that drops ends that.
    ///
    /// A channel can have one such listener. Clients of one [`Channel`] and its clones share it, and their table of calls;
    /// of a channel of lapin's that was traced twice ([`crate::ChannelExt::traced`]) they do not, and the broker closes it.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn new(channel: &Channel) -> Result<Self> {
        let listener = Listener::of(channel).await?;
        let name = RandomState::new().build_hasher().finish();
        Ok(Self { channel: channel.clone(), listener, name, next: Arc::default(), timeout: CALL_TIMEOUT })
    }

    /// How long this and later clones wait for an answer: [`CALL_TIMEOUT`] by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether it hears no answers any more, because its channel was closed. lapin recovers connections, if it is told
    /// to, but not such a channel.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.listener.pending.is_closed()
    }

    /// Publishes a question in the current context, and waits for its answer. `correlation_id` and `reply_to` are set here.
    ///
    /// # Errors
    /// Everything that leaves the question without an answer.
    ///
    /// # Panics
    /// Outside of a Tokio runtime with time.
    pub async fn call(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        payload: &[u8],
        properties: BasicProperties,
    ) -> std::result::Result<Delivery, RpcError> {
        let id = format!("{:016x}.{}", self.name, self.next.fetch_add(1, Relaxed));
        let properties =
            properties.with_reply_to(DIRECT_REPLY_TO.into()).with_correlation_id(id.as_str().into());
        let place = Place { exchange: exchange.as_str(), routing_key: routing_key.as_str(), queue: None };
        let call = OpenCall::start(place, &properties, self.channel.state());
        let context = call.context();
        let answered = match self.listener.pending.enter(id) {
            Some(waiting) => {
                let asked = self.ask(exchange, routing_key, payload, properties, waiting);
                let answered = timeout(self.timeout, asked.with_context(context)).await;
                answered.unwrap_or(Err(RpcError::TimedOut(self.timeout)))
            }
            None => Err(RpcError::Full),
        };
        call.end(&answered);
        if let Ok(answer) = &answered {
            learn(answer);
        }
        answered
    }

    async fn ask(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        payload: &[u8],
        properties: BasicProperties,
        waiting: Waiting,
    ) -> std::result::Result<Delivery, RpcError> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish(exchange, routing_key, options, payload, properties).await?;
        match sent.await? {
            Confirmation::Ack(None) | Confirmation::NotRequested => waiting.answer().await,
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Err(RpcError::Returned),
            Confirmation::Nack(None) => Err(RpcError::Nacked),
        }
    }
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// Who answers may know more of the order than who asks. What the caller knows already stays.
fn learn(answer: &Delivery) {
    let Some(ours) = JourneyCell::current() else { return };
    let context: Context = extract(&answer.properties);
    let Some(theirs) = JourneyCell::of(&context) else { return };
    for key in Key::ALL {
        if let Some(id) = theirs.get(key) {
            ours.set(key, &id);
        }
    }
}

/// The pseudo-queue whose messages reach the channel that asked.
const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";
