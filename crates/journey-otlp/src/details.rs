//! What OTLP has of a span beyond a [`SpanRecord`](journey_model::SpanRecord). It is written for trace storage; a
//! journey has no use for it, so no reader here looks at it.

use std::borrow::Cow;

use journey_model::Attribute;

/// Events of a span, and how much of it its own process dropped. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details<'a> {
    /// Events, in the order they happened.
    pub events: Vec<Event<'a>>,
    /// Attributes beyond the limit of the process.
    pub dropped_attributes: u32,
    /// Events beyond the limit of the process.
    pub dropped_events: u32,
    /// Links beyond the limit of the process.
    pub dropped_links: u32,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// When, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Name of the event.
    pub name: Cow<'a, str>,
    /// Attributes of the event.
    pub attributes: Vec<Attribute<'a>>,
    /// Attributes beyond the limit of the process.
    pub dropped_attributes: u32,
}

/// Who made the spans of a request: the instrumentation scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope<'a> {
    /// Name of the library.
    pub name: &'a str,
    /// Its version, empty if it does not say.
    pub version: &'a str,
    /// Schema of the names it uses, empty if it does not say.
    pub schema_url: &'a str,
}
