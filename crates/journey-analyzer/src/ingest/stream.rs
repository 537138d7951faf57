//! The RabbitMQ stream `traces.events`, read from the offset that the store holds.
//!
//! lapin's own recovery would jump back to the first offset, so this reader reconnects itself. Acknowledging only
//! gives credit, and follows the commit; nothing is ever rejected, which would end the connection.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use journey_model::stream;
use lapin::message::Delivery as Message;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::limits::{
    AMQP_HEARTBEAT_S, BODY_BYTES_MAX, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN, STREAM_PREFETCH, STREAM_QUIET,
};
use crate::store::Store;
use crate::{Delivery, Encoding, Receipt, telemetry};

/// How the stream stands, as the engine's owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// No connection, or not yet read to its end.
    Behind,
    /// Read to its end.
    CaughtUp,
}

/// Reads the stream for ever, through every outage of the broker.
#[derive(Debug)]
pub struct StreamReader {
    /// Where the broker is.
    pub url: String,
    /// Where the offset is kept.
    pub store: Store,
    /// Into the engine's owner.
    pub deliveries: mpsc::Sender<Delivery>,
    /// Told how the stream stands.
    pub state: watch::Sender<StreamState>,
    /// A message older than this when it is read shows that the reader is behind.
    pub lag_max: Duration,
}

impl StreamReader {
    /// Reads until the owner is gone.
    pub async fn run(self) {
        let mut pause = RETRY_PAUSE_MIN;
        let mut was_said = false;
        loop {
            let began = Instant::now();
            match self.read().await {
                Ok(()) => return,
                Err(error) => {
                    self.state.send_replace(StreamState::Behind);
                    let worked = began.elapsed() > RETRY_PAUSE_MAX;
                    if worked || !was_said {
                        tracing::warn!("the stream {} is away, trying again: {error:#}", stream::EVENTS);
                    }
                    was_said = true;
                    pause = if worked { RETRY_PAUSE_MIN } else { (pause * 2).min(RETRY_PAUSE_MAX) };
                }
            }
            sleep(pause).await;
        }
    }

    /// One connection, from its begin to its end. `Ok` when the owner is gone.
    async fn read(&self) -> anyhow::Result<()> {
        let properties = ConnectionProperties::default().with_connection_name("journey-analyzer".into());
        let mut uri: AMQPUri = self.url.parse().map_err(anyhow::Error::msg)?;
        uri.query.heartbeat.get_or_insert(AMQP_HEARTBEAT_S);
        let connection = Connection::connect_uri(uri, properties).await?;
        let channel = connection.create_channel().await?;
        declare(&channel).await?;
        channel.basic_qos(STREAM_PREFETCH, BasicQosOptions::default()).await?;
        let saved = self.store.offset(stream::EVENTS).await?;
        let consumer = consume(&channel, saved).await?;
        tracing::info!("reading the stream {} from {}", stream::EVENTS, place(saved));
        let (committed, durable) = mpsc::unbounded_channel();
        let mut reading = Reading {
            reader: self,
            saved,
            committed,
            unacked: VecDeque::new(),
            quiet_at: Instant::now() + if saved.is_some() { SAVED_WAIT } else { STREAM_QUIET },
        };
        let outcome = reading.follow(&channel, consumer, durable).await;
        // The reader's own error says more than that of closing a connection that is gone.
        let _ = connection.close(200, "bye".into()).await;
        outcome
    }
}

/// The state of one connection.
struct Reading<'r> {
    reader: &'r StreamReader,
    /// Highest offset that is known to be durable or on its way to the owner.
    saved: Option<u64>,
    committed: mpsc::UnboundedSender<u64>,
    unacked: VecDeque<(u64, Message)>,
    /// When a silent stream counts as read to its end.
    quiet_at: Instant,
}

impl Reading<'_> {
    async fn follow(
        &mut self,
        channel: &Channel,
        mut consumer: Consumer,
        mut durable: mpsc::UnboundedReceiver<u64>,
    ) -> anyhow::Result<()> {
        let mut seen_any = false;
        loop {
            let is_behind = *self.reader.state.borrow() == StreamState::Behind;
            tokio::select! {
                message = consumer.next() => {
                    let message = message.ok_or_else(|| anyhow::anyhow!("the broker ended the stream"))??;
                    seen_any = true;
                    self.quiet_at = Instant::now() + STREAM_QUIET;
                    if !self.take(message).await? {
                        return Ok(());
                    }
                }
                Some(offset) = durable.recv() => self.acknowledge(offset).await?,
                () = sleep_until(self.quiet_at), if is_behind => {
                    if !seen_any && let Some(saved) = self.saved.take() {
                        // The message at the stored offset must still be there, or one after it.
                        tracing::error!(
                            "the stream ends before the stored offset {saved}: it was made anew; reading it from its start"
                        );
                        consumer = consume(channel, None).await?;
                        self.quiet_at = Instant::now() + STREAM_QUIET;
                        continue;
                    }
                    self.say(StreamState::CaughtUp);
                }
            }
        }
    }

    /// Hands one message over. `false` when the owner is gone.
    async fn take(&mut self, message: Message) -> anyhow::Result<bool> {
        let offset = offset(&message)?;
        if self.saved.is_some_and(|saved| offset <= saved) {
            message.ack(BasicAckOptions::default()).await?;
            return Ok(true);
        }
        if let Some(missing) =
            self.saved.and_then(|saved| offset.checked_sub(saved + 1)).filter(|missing| *missing > 0)
        {
            tracing::error!("{missing} messages left the stream before they were read");
            metrics::counter!(telemetry::STREAM_LOST).increment(missing);
        }
        self.saved = Some(offset);
        let lag = age(&message);
        self.say(match lag {
            Some(lag) if lag <= self.reader.lag_max => StreamState::CaughtUp,
            Some(_) => StreamState::Behind,
            // Without a timestamp only silence shows the end.
            None => *self.reader.state.borrow(),
        });
        let body = decompress(&message);
        let receipt = Receipt::Stream { offset, committed: self.committed.clone() };
        self.unacked.push_back((offset, message));
        let delivery = Delivery { body, encoding: Encoding::Protobuf, receipt };
        Ok(self.reader.deliveries.send(delivery).await.is_ok())
    }

    /// Acknowledges everything up to this offset.
    async fn acknowledge(&mut self, durable: u64) -> anyhow::Result<()> {
        let mut last = None;
        while self.unacked.front().is_some_and(|(offset, _)| *offset <= durable) {
            last = self.unacked.pop_front();
        }
        if let Some((_, message)) = last {
            message.ack(BasicAckOptions { multiple: true }).await?;
        }
        Ok(())
    }

    fn say(&self, state: StreamState) {
        self.reader.state.send_if_modified(|known| std::mem::replace(known, state) != state);
    }
}

/// Declares what the relay declares too, with the same arguments, so that either may come first.
async fn declare(channel: &Channel) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel
        .exchange_declare(stream::EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default())
        .await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(stream::QUEUE_TYPE.into()));
    arguments.insert("x-max-age".into(), AMQPValue::LongString(stream::AGE_MAX.into()));
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(stream::LENGTH_BYTES_MAX));
    arguments
        .insert("x-stream-max-segment-size-bytes".into(), AMQPValue::LongLongInt(stream::SEGMENT_BYTES_MAX));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(stream::EVENTS.into(), durable, arguments).await?;
    channel
        .queue_bind(
            stream::EVENTS.into(),
            stream::EXCHANGE.into(),
            stream::EVENTS.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}

/// Consumes from the stored offset on, which must come first if the stream is still the same.
async fn consume(channel: &Channel, saved: Option<u64>) -> lapin::Result<Consumer> {
    let from = match saved.and_then(|saved| i64::try_from(saved).ok()) {
        Some(saved) => AMQPValue::LongLongInt(saved),
        None => AMQPValue::LongString("first".into()),
    };
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), from);
    channel.basic_consume(stream::EVENTS.into(), "".into(), BasicConsumeOptions::default(), arguments).await
}

fn offset(message: &Message) -> anyhow::Result<u64> {
    let headers = message.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get("x-stream-offset")) {
        Some(AMQPValue::LongLongInt(offset)) => Ok(u64::try_from(*offset)?),
        _ => anyhow::bail!("a delivery has no x-stream-offset: {} is no stream", stream::EVENTS),
    }
}

/// How long the message has been in the stream, to the second.
fn age(message: &Message) -> Option<Duration> {
    let sent = SystemTime::UNIX_EPOCH + Duration::from_secs((*message.properties.timestamp())?);
    Some(SystemTime::now().duration_since(sent).unwrap_or_default())
}

/// The plain body. One that cannot be decompressed is handed over as it is: the owner keeps it aside.
fn decompress(message: &Message) -> Bytes {
    let encoding = message.properties.content_encoding().as_ref().map(|encoding| encoding.as_str());
    if encoding == Some(stream::ENCODING_ZSTD)
        && let Ok(plain) = zstd::bulk::decompress(&message.data, BODY_BYTES_MAX)
    {
        return plain.into();
    }
    Bytes::copy_from_slice(&message.data)
}

fn place(saved: Option<u64>) -> String {
    saved.map_or("its start".to_owned(), |saved| format!("offset {saved}"))
}

/// How long the message at the stored offset may take to come.
const SAVED_WAIT: Duration = Duration::from_secs(5);
