//! What a service may choose about its messages.

use std::fmt;
use std::time::Duration;

/// How the spans of a delivery belong to the span that created the message.
///
/// The ids of the message reach the handler in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Propagation {
    /// In the same trace, as a child; and linked, as the conventions ask for.
    Child,
    /// In a new trace, with a link.
    Link,
    /// In a new trace, without a link.
    New,
}

impl Propagation {
    /// The word in the header `journey-propagation` and in `journey.messaging.propagation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Propagation::Child => "child",
            Propagation::Link => "link",
            Propagation::New => "new",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Child, Self::Link, Self::New].into_iter().find(|how| how.as_str() == word)
    }
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The template of a routing key that holds an id, given exchange and routing key. `None`: it holds none.
pub type Template = fn(exchange: &str, routing_key: &str) -> Option<&'static str>;

/// What a channel does differently, see [`crate::Channel::with`].
///
/// ```
/// use std::time::Duration;
/// use journey_lapin::{Propagation, Settings};
///
/// let settings = Settings::default()
///     .ack_timeout(Duration::from_secs(6 * 3600))
///     .propagation(Propagation::Link)
///     .template(|_, key| key.starts_with("order.").then_some("order.{id}"));
/// # drop(settings);
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings have an effect once a channel has them"]
pub struct Settings {
    pub(crate) ack_timeout: Duration,
    pub(crate) fresh_within: Duration,
    pub(crate) propagation: Propagation,
    pub(crate) has_settle_spans: bool,
    pub(crate) template: Template,
}

impl Settings {
    /// The broker's `consumer_timeout`, after which it closes the channel of a delivery that is not settled: 30 minutes
    /// by default. A delivery is warned about when [`crate::limits::OVERDUE_AFTER`] of it has passed.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// The age up to which a message goes on in its creator's trace: 30 seconds by default, for which a gateway waits
    /// before it decides about a trace. Later deliveries begin a trace of their own, with a link.
    pub fn fresh_within(mut self, age: Duration) -> Self {
        self.fresh_within = age;
        self
    }

    /// What deliveries do that bring no wish of their producer ([`crate::propagate`]): [`Propagation::Child`] by
    /// default. [`Propagation::Link`] fits work that is longer than a gateway waits.
    pub fn propagation(mut self, how: Propagation) -> Self {
        self.propagation = how;
        self
    }

    /// Gives each `ack`, `nack` and `reject` a span of its own. There is none by default: the delivery's span ends
    /// there, and says how.
    pub fn settle_spans(mut self) -> Self {
        self.has_settle_spans = true;
        self
    }

    /// Templates of routing keys that hold an id: names of spans and metrics show those instead.
    pub fn template(mut self, template: Template) -> Self {
        self.template = template;
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ack_timeout: Duration::from_secs(30 * 60),
            fresh_within: Duration::from_secs(30),
            propagation: Propagation::Child,
            has_settle_spans: false,
            template: |_, _| None,
        }
    }
}
