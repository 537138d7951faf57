//! Names of destinations and spans.
//!
//! Source: OpenTelemetry semantic conventions 1.44, "RabbitMQ".

mod recent;
mod text;

use std::borrow::Cow;
use std::sync::OnceLock;

use lapin::message::Delivery;
use lapin::types::ShortString;

use crate::settings::Template;

pub(crate) use recent::Recent;
pub(crate) use text::Text;

/// Where a message goes to or comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
    /// `None` for a publish.
    pub(crate) queue: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(delivery: &'a Delivery, queue: &'a ShortString) -> Self {
        let (exchange, routing_key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        Self { exchange, routing_key, queue: Some(queue.as_str()) }
    }
}

/// A place, and what spans and metrics call it. Made once for messages that go the same way.
pub(crate) struct Destination {
    exchange: Box<str>,
    queue: Option<Box<str>>,
    pub(crate) routing_key: Text,
    /// `messaging.destination.name`.
    pub(crate) name: Text,
    /// `messaging.destination.template`.
    pub(crate) template: Option<&'static str>,
    /// The broker made its name up for one client, so it is never seen again.
    pub(crate) is_anonymous: bool,
    /// Operation and name of its spans, once its texts are kept. Nearly all have one operation.
    span_name: Option<OnceLock<(&'static str, Option<&'static str>)>>,
}

impl Destination {
    pub(crate) fn new(place: Place<'_>, template: Template) -> Self {
        let Place { exchange, routing_key, queue } = place;
        let is_anonymous = match queue {
            Some(queue) => is_generated(queue),
            // Only the default exchange leads to a queue by its name.
            None => exchange.is_empty() && is_generated(routing_key),
        };
        let last = queue.filter(|queue| *queue != routing_key).unwrap_or_default();
        Self {
            exchange: exchange.into(),
            queue: queue.map(Box::from),
            routing_key: Text::Shared(routing_key.into()),
            name: Text::Shared(join([exchange, routing_key, last]).into()),
            template: template(exchange, routing_key),
            is_anonymous,
            span_name: None,
        }
    }

    /// The same with texts that are kept for good: it is met often. One that was made up is not.
    pub(crate) fn kept(&self) -> Option<Self> {
        (!self.is_anonymous).then(|| Self {
            exchange: self.exchange.clone(),
            queue: self.queue.clone(),
            routing_key: Text::kept(&self.routing_key),
            name: Text::kept(&self.name),
            template: self.template,
            is_anonymous: self.is_anonymous,
            span_name: Some(OnceLock::new()),
        })
    }

    pub(crate) fn is_at(&self, place: Place<'_>) -> bool {
        *self.routing_key == *place.routing_key
            && *self.exchange == *place.exchange
            && self.queue.as_deref() == place.queue
    }

    /// The name of a span: operation, and destination unless it has no name that lasts.
    pub(crate) fn span_name(&self, operation: &'static str) -> Cow<'static, str> {
        let Some(name) = self.lasting_name() else { return operation.into() };
        let make = || [operation, name].join(" ");
        let kept = self.span_name.as_ref().map(|kept| kept.get_or_init(|| (operation, text::keep(&make()))));
        match kept {
            Some((of, Some(kept))) if *of == operation => (*kept).into(),
            _ => make().into(),
        }
    }

    /// Of low cardinality: the template, or the name unless it was made up.
    pub(crate) fn lasting_name(&self) -> Option<&str> {
        self.template.or_else(|| Some(&*self.name).filter(|_| !self.is_anonymous))
    }
}

/// The name of a queue as a label: empty, which is none, if it was made up, because labels are to be few.
pub(crate) fn lasting_queue(queue: &str) -> &str {
    if is_generated(queue) { "" } else { queue }
}

/// Whether a broker or a client made this name up for one use.
fn is_generated(queue: &str) -> bool {
    GENERATED_PREFIXES.iter().any(|prefix| queue.starts_with(prefix)) || is_uuid(queue)
}

/// The usual form, with four dashes.
fn is_uuid(name: &str) -> bool {
    let is_digit = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    name.len() == 36 && name.bytes().enumerate().all(is_digit)
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

    fn publish(exchange: &str, routing_key: &str) -> Destination {
        Destination::new(Place { exchange, routing_key, queue: None }, |_, _| None)
    }

    fn consume(exchange: &str, routing_key: &str, queue: &str) -> Destination {
        Destination::new(Place { exchange, routing_key, queue: Some(queue) }, |_, _| None)
    }

    /// Scenario: publishes and deliveries with parts that are empty or the same.
    /// Guarantees: names as the conventions have them.
    #[test]
    fn names_follow_the_conventions() {
        assert_eq!(&*publish("orders", "price.requested").name, "orders:price.requested");
        assert_eq!(&*publish("", "prices").name, "prices");
        assert_eq!(&*publish("orders", "").name, "orders");
        assert_eq!(&*publish("", "").name, "amq.default");
        let orders = consume("orders", "price.requested", "prices");
        assert_eq!(&*orders.name, "orders:price.requested:prices");
        assert_eq!(&*consume("", "prices", "prices").name, "prices");
        assert_eq!(consume("", "prices", "prices").span_name("consume"), "consume prices");
    }

    /// Scenario: queues whose names were made up, an exchange that is fed by such a key, and a name that only looks so.
    /// Guarantees: made-up names stand in no span's name.
    #[test]
    fn generated_names_are_left_out() {
        for queue in ["amq.gen-x", "amq.rabbitmq.reply-to.g1", "123e4567-e89b-12d3-a456-426614174000"] {
            assert_eq!(publish("", queue).span_name("publish"), "publish");
            assert_eq!(consume("", queue, queue).span_name("consume"), "consume");
        }
        assert_eq!(publish("orders", "amq.gen-x").span_name("publish"), "publish orders:amq.gen-x");
        assert!(!is_uuid("123e4567-e89b-12d3-a456-42661417400g"));
    }

    /// Scenario: routing keys that hold an id, with a template.
    /// Guarantees: the name of a span shows the template.
    #[test]
    fn a_template_hides_the_id() {
        let place = Place { exchange: "orders", routing_key: "order.17", queue: None };
        let destination = Destination::new(place, |_, key| key.starts_with("order.").then_some("order.{id}"));
        assert_eq!(destination.span_name("publish"), "publish order.{id}");
        assert_eq!(&*destination.name, "orders:order.17");
    }
}
