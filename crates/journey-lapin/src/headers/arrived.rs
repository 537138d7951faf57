//! What the headers of a message tell, read in one pass.

use journey_trace::propagation::{BAGGAGE, TRACEPARENT, TRACESTATE, span_context_of};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, Timestamp};
use opentelemetry::trace::SpanContext;

use crate::Propagation;

use super::own::{ATTEMPT, PREVIOUS, PROPAGATION, SENT_MS};

/// The headers that matter here. Publishers differ in the types they give them, so each is read from any that fits.
#[derive(Default)]
pub(crate) struct Arrived<'a> {
    pub(crate) traceparent: Option<&'a [u8]>,
    pub(crate) tracestate: Option<&'a str>,
    pub(crate) baggage: Option<&'a str>,
    /// When it was published, by the publisher's clock; ms since the Unix epoch.
    pub(crate) sent_ms: Option<i64>,
    /// When the broker took it, if it says so; ms since the Unix epoch.
    pub(crate) broker_ms: Option<i64>,
    /// The AMQP property, s since the Unix epoch.
    pub(crate) timestamp_s: Option<u64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) previous: Option<&'a [u8]>,
    /// Number of the attempt for which it was published again.
    pub(crate) attempt: Option<i64>,
    /// Earlier deliveries from this queue that count as failed.
    pub(crate) delivery_count: Option<i64>,
    /// Earlier deliveries from this queue, whatever became of them.
    pub(crate) acquired_count: Option<i64>,
    pub(crate) deaths: Option<&'a FieldArray>,
    pub(crate) first_death_queue: Option<&'a str>,
    pub(crate) first_death_reason: Option<&'a str>,
    pub(crate) stream_offset: Option<i64>,
}

impl<'a> Arrived<'a> {
    pub(crate) fn of(properties: &'a BasicProperties) -> Self {
        let mut arrived = Self { timestamp_s: *properties.timestamp(), ..Self::default() };
        let headers = properties.headers().as_ref().map(|headers| headers.inner());
        for (key, value) in headers.into_iter().flatten() {
            arrived.take(key.as_str(), value);
        }
        arrived
    }

    /// The span that created the message.
    pub(crate) fn creation(&self) -> Option<SpanContext> {
        span_context_of(self.traceparent?, self.tracestate.unwrap_or_default())
    }

    /// The span of the attempt that published it again.
    pub(crate) fn previous(&self) -> Option<SpanContext> {
        span_context_of(self.previous?, "")
    }

    fn take(&mut self, key: &str, value: &'a AMQPValue) {
        match key {
            TRACEPARENT => self.traceparent = bytes(value),
            TRACESTATE => self.tracestate = text(value),
            BAGGAGE => self.baggage = text(value),
            SENT_MS => self.sent_ms = number(value),
            PROPAGATION => self.propagation = text(value).and_then(Propagation::parse),
            PREVIOUS => self.previous = bytes(value),
            ATTEMPT => self.attempt = number(value),
            BROKER_MS => self.broker_ms = number(value),
            DELIVERY_COUNT => self.delivery_count = number(value),
            ACQUIRED_COUNT => self.acquired_count = number(value),
            DEATHS => self.deaths = array(value),
            FIRST_DEATH_QUEUE => self.first_death_queue = text(value),
            FIRST_DEATH_REASON => self.first_death_reason = text(value),
            STREAM_OFFSET => self.stream_offset = number(value),
            _ => {}
        }
    }
}

/// The text in a header.
pub(crate) fn text(value: &AMQPValue) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}

/// The bytes of a text.
fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
        AMQPValue::ShortString(text) => Some(text.as_str().as_bytes()),
        _ => None,
    }
}

/// The number in a header, also one that was written as a text.
pub(crate) fn number(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::LongLongInt(number) => Some(number),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        _ => text(value)?.parse().ok(),
    }
}

/// The moment in a header, s since the Unix epoch.
pub(crate) fn moment(value: &AMQPValue) -> Option<Timestamp> {
    match *value {
        AMQPValue::Timestamp(moment) => Some(moment),
        _ => None,
    }
}

fn array(value: &AMQPValue) -> Option<&FieldArray> {
    match value {
        AMQPValue::FieldArray(array) => Some(array),
        _ => None,
    }
}

/// Written by the broker's [message interceptor](https://www.rabbitmq.com/docs/configure#message-interceptors).
const BROKER_MS: &str = "timestamp_in_ms";

/// Headers of [quorum queues](https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling).
const DELIVERY_COUNT: &str = "x-delivery-count";
const ACQUIRED_COUNT: &str = "x-acquired-count";

/// Headers of [dead letters](https://www.rabbitmq.com/docs/dlx#effects).
const DEATHS: &str = "x-death";
const FIRST_DEATH_QUEUE: &str = "x-first-death-queue";
const FIRST_DEATH_REASON: &str = "x-first-death-reason";

/// Header of [streams](https://www.rabbitmq.com/docs/streams#consuming).
const STREAM_OFFSET: &str = "x-stream-offset";
