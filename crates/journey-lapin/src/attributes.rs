//! Attributes that publishes and deliveries share.
//!
//! Source: OpenTelemetry semantic conventions 1.44, "RabbitMQ".

use lapin::BasicProperties;
use lapin::types::ShortString;
use opentelemetry::KeyValue;

use crate::channel::Broker;

/// What both kinds of span say about the message and its broker.
pub(crate) fn common(
    operation: Operation,
    destination: String,
    is_anonymous: bool,
    routing_key: &str,
    properties: &BasicProperties,
    broker: Option<&Broker>,
) -> Vec<KeyValue> {
    // Two more are added by a delivery, three at its end.
    let mut attributes = Vec::with_capacity(15);
    attributes.push(KeyValue::new("messaging.system", "rabbitmq"));
    attributes.push(KeyValue::new("messaging.operation.name", operation.name));
    attributes.push(KeyValue::new("messaging.operation.type", operation.kind));
    attributes.push(KeyValue::new("messaging.destination.name", destination));
    if is_anonymous {
        attributes.push(KeyValue::new("messaging.destination.anonymous", true));
    }
    if !routing_key.is_empty() {
        attributes.push(KeyValue::new("messaging.rabbitmq.destination.routing_key", routing_key.to_owned()));
    }
    if let Some(id) = properties.message_id() {
        attributes.push(text("messaging.message.id", id));
    }
    if let Some(id) = properties.correlation_id() {
        attributes.push(text("messaging.message.conversation_id", id));
    }
    if let Some(broker) = broker {
        attributes.push(KeyValue::new("server.address", broker.address.clone()));
        attributes.push(KeyValue::new("server.port", i64::from(broker.port)));
    }
    attributes
}

fn text(key: &'static str, value: &ShortString) -> KeyValue {
    KeyValue::new(key, value.as_str().to_owned())
}

/// What is done with a message.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    /// `messaging.operation.name`, also the first word of the span's name.
    pub(crate) name: &'static str,
    /// `messaging.operation.type`.
    pub(crate) kind: &'static str,
}

/// Sends a message.
pub(crate) const PUBLISH: Operation = Operation { name: "publish", kind: "send" };

/// Handles a message that the broker pushed.
pub(crate) const CONSUME: Operation = Operation { name: "consume", kind: "process" };
