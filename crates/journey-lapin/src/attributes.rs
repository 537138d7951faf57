//! Attributes that publishes and deliveries share.
//!
//! Source: OpenTelemetry semantic conventions 1.44, "RabbitMQ".

use journey_trace::span::attribute_list;
use lapin::BasicProperties;
use lapin::types::ShortString;
use opentelemetry::KeyValue;

use crate::channel::State;
use crate::destination::{Destination, Text};

/// What all kinds of span say about the message and its broker. There is room for what they usually add: a delivery without
/// dead letters and stream has 16 at its end.
pub(crate) fn common(
    operation: Operation,
    destination: &Destination,
    properties: Option<&BasicProperties>,
    state: &State,
) -> Vec<KeyValue> {
    let mut attributes = attribute_list();
    attributes.push(KeyValue::new("messaging.system", "rabbitmq"));
    attributes.push(KeyValue::new("messaging.operation.name", operation.name));
    attributes.push(KeyValue::new("messaging.operation.type", operation.kind));
    put_destination(&mut attributes, destination);
    if !destination.routing_key.is_empty() && operation.kind != SETTLE {
        attributes.push(shared("messaging.rabbitmq.destination.routing_key", &destination.routing_key));
    }
    if let Some(id) = properties.and_then(|properties| properties.message_id().as_ref()) {
        attributes.push(text("messaging.message.id", id));
    }
    put_conversation(&mut attributes, properties);
    put_broker(&mut attributes, state);
    attributes
}

/// What a call says of its question. It is no operation that the conventions know: they would take it for one that sends or
/// receives.
pub(crate) fn call(destination: &Destination, question: &BasicProperties, state: &State) -> Vec<KeyValue> {
    let mut attributes = attribute_list();
    put_destination(&mut attributes, destination);
    put_conversation(&mut attributes, Some(question));
    put_broker(&mut attributes, state);
    attributes
}

fn put_destination(attributes: &mut Vec<KeyValue>, destination: &Destination) {
    attributes.push(shared("messaging.destination.name", &destination.name));
    if destination.is_anonymous {
        attributes.push(KeyValue::new("messaging.destination.anonymous", true));
    }
    if let Some(template) = destination.template {
        attributes.push(KeyValue::new("messaging.destination.template", template));
    }
}

fn put_conversation(attributes: &mut Vec<KeyValue>, properties: Option<&BasicProperties>) {
    if let Some(id) = properties.and_then(|properties| properties.correlation_id().as_ref()) {
        attributes.push(text("messaging.message.conversation_id", id));
    }
}

fn put_broker(attributes: &mut Vec<KeyValue>, state: &State) {
    if let Some(broker) = &state.config.broker {
        attributes.push(shared("server.address", &broker.address));
        attributes.push(KeyValue::new("server.port", i64::from(broker.port)));
    }
}

/// A text that other spans have too.
fn shared(key: &'static str, text: &Text) -> KeyValue {
    KeyValue::new(key, text.value())
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
    /// `messaging.operation.type`; empty if it is none that the conventions know.
    pub(crate) kind: &'static str,
}

/// Sends a message.
pub(crate) const PUBLISH: Operation = Operation { name: "publish", kind: "send" };

/// Asks for a message.
pub(crate) const GET: Operation = Operation { name: "get", kind: "receive" };

/// Asks a service and waits for its answer.
pub(crate) const CALL: Operation = Operation { name: "call", kind: "" };

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
