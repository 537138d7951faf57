//! Attributes that publishes and deliveries share.
//!
//! Source: OpenTelemetry semantic conventions 1.44, "RabbitMQ".

use lapin::BasicProperties;
use lapin::types::ShortString;
use opentelemetry::{KeyValue, StringValue};

use crate::channel::State;
use crate::destination::Destination;

/// What all kinds of span say about the message and its broker. There is room for what they usually add, and not more than
/// an allocator gives from its cheapest list.
pub(crate) fn common(
    operation: Operation,
    destination: &Destination,
    properties: Option<&BasicProperties>,
    state: &State,
) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(ATTRIBUTES_USUAL);
    attributes.push(KeyValue::new("messaging.system", "rabbitmq"));
    attributes.push(KeyValue::new("messaging.operation.name", operation.name));
    attributes.push(KeyValue::new("messaging.operation.type", operation.kind));
    attributes.push(shared("messaging.destination.name", &destination.name));
    if destination.is_anonymous {
        attributes.push(KeyValue::new("messaging.destination.anonymous", true));
    }
    if let Some(template) = destination.template {
        attributes.push(KeyValue::new("messaging.destination.template", template));
    }
    if !destination.routing_key.is_empty() && operation.kind != SETTLE {
        attributes.push(shared("messaging.rabbitmq.destination.routing_key", &destination.routing_key));
    }
    if let Some(id) = properties.and_then(|properties| properties.message_id().as_ref()) {
        attributes.push(text("messaging.message.id", id));
    }
    if let Some(id) = properties.and_then(|properties| properties.correlation_id().as_ref()) {
        attributes.push(text("messaging.message.conversation_id", id));
    }
    if let Some(broker) = &state.config.broker {
        attributes.push(shared("server.address", &broker.address));
        attributes.push(KeyValue::new("server.port", i64::from(broker.port)));
    }
    attributes
}

/// A text that other spans have too.
fn shared(key: &'static str, text: &std::sync::Arc<str>) -> KeyValue {
    KeyValue::new(key, StringValue::from(std::sync::Arc::clone(text)))
}

fn text(key: &'static str, value: &ShortString) -> KeyValue {
    KeyValue::new(key, value.as_str().to_owned())
}

/// The number of a delivery as an attribute. Tags count from 1 on each channel; i64 holds more than one can ever see.
pub(crate) fn delivery_tag(tag: u64) -> KeyValue {
    KeyValue::new("messaging.rabbitmq.message.delivery_tag", i64::try_from(tag).unwrap_or(i64::MAX))
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    /// `messaging.operation.name`, also the first word of the span's name.
    pub(crate) name: &'static str,
    /// `messaging.operation.type`.
    pub(crate) kind: &'static str,
}

/// Sends a message.
pub(crate) const PUBLISH: Operation = Operation { name: "publish", kind: "send" };

/// Asks for a message.
pub(crate) const GET: Operation = Operation { name: "get", kind: "receive" };

/// Asks a service and waits for its answer.
pub(crate) const CALL: Operation = Operation { name: "call", kind: "receive" };

/// Handles a message that the broker pushed.
pub(crate) const CONSUME: Operation = Operation { name: "consume", kind: "process" };

/// Handles a message that was asked for.
pub(crate) const PROCESS: Operation = Operation { name: "process", kind: "process" };

/// Acknowledges.
pub(crate) const ACK: Operation = Operation { name: "ack", kind: SETTLE };

/// Refuses.
pub(crate) const NACK: Operation = Operation { name: "nack", kind: SETTLE };

/// Rejects.
pub(crate) const REJECT: Operation = Operation { name: "reject", kind: SETTLE };

const SETTLE: &str = "settle";

/// A delivery without ids, dead letters and stream has so many at its end.
const ATTRIBUTES_USUAL: usize = 16;
