//! One span, borrowed from wherever it came: OTLP bytes, OTLP JSON, or a producer's own memory.

use std::borrow::Cow;

use crate::{SpanId, TraceId};

/// What all spans of one exporter share: the OTLP resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource<'a> {
    /// All attributes of the resource.
    pub attributes: Vec<Attribute<'a>>,
}

impl<'a> Resource<'a> {
    /// The string value of an attribute, `None` if it is absent or no string.
    pub fn str(&self, key: &str) -> Option<&str> {
        find(&self.attributes, key)?.as_str()
    }
}

/// One span as OTLP describes it, without events.
///
/// Source: `opentelemetry/proto/trace/v1/trace.proto`, message `Span`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRecord<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; for a start marker or a beat, the stage span.
    pub parent_span_id: Option<SpanId>,
    /// Name of the span.
    pub name: Cow<'a, str>,
    /// Kind of the span.
    pub kind: SpanKind,
    /// Start, nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// End, nanoseconds since the Unix epoch, never before the start.
    pub end_ns: u64,
    /// W3C trace flags, the lowest 8 bits of OTLP's `flags`.
    pub flags: u8,
    /// W3C `tracestate`, empty if none.
    pub trace_state: Cow<'a, str>,
    /// Attributes.
    pub attributes: Vec<Attribute<'a>>,
    /// Links to other spans.
    pub links: Vec<Link<'a>>,
    /// Status code and description.
    pub status: SpanStatus<'a>,
}

impl<'a> SpanRecord<'a> {
    /// The value of an attribute.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        find(&self.attributes, key)
    }

    /// The string value of an attribute, `None` if it is absent or no string.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The number in an attribute, `None` if it is absent or no number.
    pub fn f64(&self, key: &str) -> Option<f64> {
        match *self.get(key)? {
            Value::Double(number) => Some(number),
            // Exact up to 2^53; sizes and seconds stay far below.
            Value::Int(number) => Some(number as f64),
            _ => None,
        }
    }

    /// The integer in an attribute, `None` if it is absent or no integer.
    pub fn i64(&self, key: &str) -> Option<i64> {
        match *self.get(key)? {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }
}

/// One attribute of a span, link or resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute<'a> {
    /// Key.
    pub key: Cow<'a, str>,
    /// Value.
    pub value: Value<'a>,
}

impl<'a> Attribute<'a> {
    /// An attribute with this key and value.
    pub fn new(key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// The value of an attribute. Bytes, maps and other lists are of no use to a journey; a reader leaves them out.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A floating-point number.
    Double(f64),
    /// A signed integer.
    Int(i64),
    /// A text.
    Str(Cow<'a, str>),
    /// A list of texts; whole numbers in it are read as texts.
    StrArray(Vec<Cow<'a, str>>),
}

impl Value<'_> {
    /// The text, `None` for any other type.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Double(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Str(Cow::Owned(value))
    }
}

/// A link from a span to one of another trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Link<'a> {
    /// Trace of the linked span.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// Attributes of the link.
    pub attributes: Vec<Attribute<'a>>,
}

/// Kind of a span, numbered as in OTLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified = 0,
    /// Work inside one service.
    Internal = 1,
    /// The receiving side of a call.
    Server = 2,
    /// The calling side of a call.
    Client = 3,
    /// The sending side of a message.
    Producer = 4,
    /// The receiving side of a message.
    Consumer = 5,
}

impl SpanKind {
    /// The kind with this OTLP number; unknown numbers are [`SpanKind::Unspecified`].
    pub const fn from_number(number: u64) -> Self {
        match number {
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        }
    }
}

/// Status of a span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SpanStatus<'a> {
    /// The default: nobody said otherwise.
    #[default]
    Unset,
    /// The application says that all went well.
    Ok,
    /// The operation failed.
    Error {
        /// What went wrong; may be empty.
        description: Cow<'a, str>,
    },
}

fn find<'r, 'a>(attributes: &'r [Attribute<'a>], key: &str) -> Option<&'r Value<'a>> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}
