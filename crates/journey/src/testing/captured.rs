//! What a capture gives.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use journey_model::SpanRecord;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Array, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The spans and stages that ended during a capture, by start.
///
/// Its `Display` is a snapshot: a tree per trace with ids as numbers, attributes sorted, times left out.
#[derive(Debug, Clone)]
#[must_use = "a capture is looked at"]
pub struct Captured {
    pub(super) spans: Vec<CapturedSpan>,
    pub(super) open: usize,
    pub(super) left_out: usize,
}

/// One ended span or stage.
#[derive(Debug, Clone)]
pub struct CapturedSpan {
    pub(super) trace_id: TraceId,
    span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) links: Vec<(TraceId, SpanId)>,
    name: String,
    kind: SpanKind,
    is_stage: bool,
    /// By key; a key that was set twice stands there twice.
    pub(super) attributes: Vec<(String, Value)>,
    status: Status,
    start: SystemTime,
    duration: Duration,
}

// === impl Captured ===

impl Captured {
    /// All of them.
    pub fn spans(&self) -> &[CapturedSpan] {
        &self.spans
    }

    /// Those that are stages.
    pub fn stages(&self) -> impl Iterator<Item = &CapturedSpan> {
        self.spans.iter().filter(|span| span.is_stage)
    }

    /// Those of this name. A stage's is `stage price.final`.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &CapturedSpan> {
        self.spans.iter().filter(move |span| span.name == name)
    }

    /// Those with this attribute and value.
    pub fn with_attribute(&self, key: &str, value: impl Into<Value>) -> impl Iterator<Item = &CapturedSpan> {
        let value = value.into();
        self.spans.iter().filter(move |span| span.attribute(key) == Some(&value))
    }

    /// The one of this name.
    ///
    /// # Panics
    /// There is none, or more than one. The message shows the whole capture.
    #[track_caller]
    pub fn one(&self, name: &str) -> &CapturedSpan {
        let mut named = self.named(name);
        match (named.next(), named.next()) {
            (Some(span), None) => span,
            (first, _) => {
                let count = if first.is_none() { "no" } else { "more than one" };
                panic!("{count} span {name:?} was captured:\n{self}")
            }
        }
    }

    /// How many began and had not ended.
    pub fn open(&self) -> usize {
        self.open
    }

    /// How many ended beyond [`CAPTURED_SPANS_MAX`](crate::limits::CAPTURED_SPANS_MAX) and are not kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

// === impl CapturedSpan ===

impl CapturedSpan {
    pub(super) fn of_span(span: &SpanData) -> Self {
        let attributes = span.attributes.iter().map(|kv| (kv.key.to_string(), kv.value.clone()));
        Self {
            trace_id: span.span_context.trace_id(),
            span_id: span.span_context.span_id(),
            parent: (span.parent_span_id != SpanId::INVALID).then_some(span.parent_span_id),
            links: span
                .links
                .iter()
                .map(|to| (to.span_context.trace_id(), to.span_context.span_id()))
                .collect(),
            name: span.name.to_string(),
            kind: span.span_kind.clone(),
            is_stage: false,
            attributes: sorted(attributes),
            status: span.status.clone(),
            start: span.start_time,
            duration: span.end_time.duration_since(span.start_time).unwrap_or_default(),
        }
    }

    pub(super) fn of_stage(record: &SpanRecord<'_>) -> Self {
        let attributes = record.attributes.iter().map(|one| (one.key.to_string(), value(&one.value)));
        Self {
            trace_id: trace_id(record.trace_id),
            span_id: span_id(record.span_id),
            parent: record.parent_span_id.map(span_id),
            links: record.links.iter().map(|to| (trace_id(to.trace_id), span_id(to.span_id))).collect(),
            name: record.name.to_string(),
            kind: SpanKind::Internal,
            is_stage: true,
            attributes: sorted(attributes),
            status: match &record.status {
                journey_model::SpanStatus::Unset => Status::Unset,
                journey_model::SpanStatus::Ok => Status::Ok,
                journey_model::SpanStatus::Error { description } => Status::error(description.to_string()),
            },
            start: SystemTime::UNIX_EPOCH + Duration::from_nanos(record.start_ns),
            duration: Duration::from_nanos(record.end_ns.saturating_sub(record.start_ns)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind; that of a stage is `Internal`.
    pub fn kind(&self) -> &SpanKind {
        &self.kind
    }

    /// Whether it is a stage.
    pub fn is_stage(&self) -> bool {
        self.is_stage
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of an attribute as text, whatever its type.
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.attribute(key).map(Value::as_str)
    }

    /// All attributes, by key.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Its status.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Its trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Its own id.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The span or stage that it happened in, here or at the caller.
    pub fn parent(&self) -> Option<SpanId> {
        self.parent
    }

    /// The spans that it is linked to.
    pub fn links(&self) -> &[(TraceId, SpanId)] {
        &self.links
    }

    /// When it began.
    pub fn start(&self) -> SystemTime {
        self.start
    }

    /// How long it took.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

pub(super) fn trace_id(id: journey_model::TraceId) -> TraceId {
    TraceId::from_bytes(id.to_bytes())
}

pub(super) fn span_id(id: journey_model::SpanId) -> SpanId {
    SpanId::from_bytes(id.to_bytes())
}

fn sorted(attributes: impl Iterator<Item = (String, Value)>) -> Vec<(String, Value)> {
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
    attributes
}

fn value(value: &journey_model::Value<'_>) -> Value {
    match value {
        journey_model::Value::Bool(truth) => Value::Bool(*truth),
        journey_model::Value::Double(number) => Value::F64(*number),
        journey_model::Value::Int(number) => Value::I64(*number),
        journey_model::Value::Str(text) => Value::String(text.to_string().into()),
        journey_model::Value::StrArray(texts) => {
            let texts = texts.iter().map(|text| StringValue::from(text.to_string()));
            Value::Array(Array::String(texts.collect()))
        }
    }
}
