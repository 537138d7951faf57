//! Names of destinations and spans.
//!
//! Source: OpenTelemetry semantic conventions 1.44, "RabbitMQ".

/// Where a message is published to: `{exchange}:{routing key}`.
pub(crate) fn of_publish(exchange: &str, routing_key: &str) -> String {
    join([exchange, routing_key, ""])
}

/// Where a message is consumed from: `{exchange}:{routing key}:{queue}`.
pub(crate) fn of_consume(exchange: &str, routing_key: &str, queue: &str) -> String {
    join([exchange, routing_key, if queue == routing_key { "" } else { queue }])
}

/// The name of a span: operation and destination, unless its name was made up by the broker and is never seen again.
pub(crate) fn span_name(operation: &'static str, destination: &str, is_anonymous: bool) -> String {
    if is_anonymous { operation.to_owned() } else { format!("{operation} {destination}") }
}

/// Whether the broker made this name up for one client.
pub(crate) fn is_anonymous(queue: &str) -> bool {
    GENERATED_PREFIXES.iter().any(|prefix| queue.starts_with(prefix))
}

fn join(parts: [&str; 3]) -> String {
    let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !name.is_empty() {
            name.push(':');
        }
        name.push_str(part);
    }
    if name.is_empty() { DEFAULT_DESTINATION.to_owned() } else { name }
}

const DEFAULT_DESTINATION: &str = "amq.default";

const GENERATED_PREFIXES: [&str; 2] = ["amq.gen-", "amq.rabbitmq.reply-to"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: publishes and deliveries with parts that are empty or the same.
    /// Guarantees: names as the conventions have them.
    #[test]
    fn names_follow_the_conventions() {
        assert_eq!(of_publish("orders", "price.requested"), "orders:price.requested");
        assert_eq!(of_publish("", "prices"), "prices");
        assert_eq!(of_publish("orders", ""), "orders");
        assert_eq!(of_publish("", ""), "amq.default");
        assert_eq!(of_consume("orders", "price.requested", "prices"), "orders:price.requested:prices");
        assert_eq!(of_consume("", "prices", "prices"), "prices");
        assert_eq!(span_name("consume", "prices", false), "consume prices");
        assert_eq!(span_name("publish", "amq.gen-x", is_anonymous("amq.gen-x")), "publish");
    }
}
