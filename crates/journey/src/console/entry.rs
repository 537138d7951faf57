//! One span or stage, reduced to what is shown.

use std::time::Duration;

use journey_model::{SpanId, SpanKind, SpanRecord, SpanStatus, StageOutcome, TraceId, Value, attribute};
use journey_trace::Key;

/// Where a span stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
}

/// A span or stage that began or ended.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) parent: Option<SpanId>,
    /// With the kind before it, such as `server POST /orders`.
    pub(super) name: String,
    pub(super) start_ns: u64,
    pub(super) duration: Duration,
    pub(super) outcome: Outcome,
    /// What else is worth a look, such as `attempt 2`.
    pub(super) notes: Vec<String>,
    /// `order.id=ORD-1` and the like, in the order of [`Key::ALL`].
    pub(super) ids: Vec<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) mood: Mood,
}

/// What colour the outcome has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Bad,
    Good,
    Odd,
}

impl Place {
    /// The place of the stage that a marker belongs to.
    pub(super) fn of_marked(marker: &SpanRecord<'_>) -> Option<Self> {
        Some(Self { trace_id: marker.trace_id, span_id: marker.parent_span_id? })
    }
}

impl Entry {
    pub(super) fn of_span(span: &SpanRecord<'_>) -> Self {
        Self {
            place: Place { trace_id: span.trace_id, span_id: span.span_id },
            parent: span.parent_span_id,
            name: printable(&format!("{}{}", kind(span), span.name)),
            start_ns: span.start_ns,
            duration: Duration::from_nanos(span.end_ns.saturating_sub(span.start_ns)),
            outcome: Outcome::of(span),
            notes: notes(span),
            ids: ids(span),
        }
    }

    /// The stage that a start marker tells of. Its parent is not known before its end.
    pub(super) fn of_marker(marker: &SpanRecord<'_>) -> Option<Self> {
        let place = Place::of_marked(marker)?;
        Some(Self { place, parent: None, ..Self::of_span(marker) })
    }
}

impl Outcome {
    fn of(span: &SpanRecord<'_>) -> Self {
        let stage_outcome = span.str(attribute::JOURNEY_STAGE_OUTCOME);
        let is_failed = matches!(span.status, SpanStatus::Error { .. });
        let mood = match stage_outcome.and_then(StageOutcome::parse) {
            _ if is_failed => Mood::Bad,
            Some(StageOutcome::Cancelled) => Mood::Odd,
            _ => Mood::Good,
        };
        let status_code = span.i64("http.response.status_code").map(|code| code.to_string());
        let error_type = || span.str(attribute::ERROR_TYPE).map(str::to_owned);
        let text = stage_outcome.map(str::to_owned).or(status_code).or_else(error_type);
        let text = text.unwrap_or_else(|| if is_failed { "error" } else { "ok" }.to_owned());
        Self { text: printable(&text), mood }
    }
}

/// Nothing for stages, whose names say it, and for spans inside the service.
fn kind(span: &SpanRecord<'_>) -> &'static str {
    match span.kind {
        SpanKind::Client => "client ",
        SpanKind::Consumer => "consumer ",
        SpanKind::Producer => "producer ",
        SpanKind::Server => "server ",
        SpanKind::Internal | SpanKind::Unspecified => "",
    }
}

fn notes(span: &SpanRecord<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(attempt) = span.i64(attribute::JOURNEY_STAGE_ATTEMPT).filter(|&attempt| attempt > 1) {
        notes.push(format!("attempt {attempt}"));
    }
    let progress = span.f64(attribute::JOURNEY_STAGE_PROGRESS).filter(|&progress| progress < 1.0);
    notes.extend(progress.map(percent));
    if let Some(to) = span.str(attribute::JOURNEY_STATUS_TO) {
        let from = span.str(attribute::JOURNEY_STATUS_FROM).unwrap_or("?");
        notes.push(format!("{from} -> {to}"));
    }
    if let Some(outcome) = span.str(attribute::JOURNEY_HTTP_OUTCOME).filter(|&outcome| outcome != "completed")
    {
        notes.push(outcome.to_owned());
    }
    if let SpanStatus::Error { description } = &span.status
        && !description.is_empty()
    {
        notes.push(description.to_string());
    }
    notes.iter().map(|note| printable(note)).collect()
}

/// `0.42` as `42 %`.
pub(super) fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

fn ids(span: &SpanRecord<'_>) -> Vec<String> {
    let id = |key: &Key| Some(format!("{}={}", key.attribute(), span.str(key.attribute())?));
    let mut ids: Vec<String> = Key::ALL.iter().filter_map(id).map(|id| printable(&id)).collect();
    if span.get(attribute::JOURNEY_CONFLICT) == Some(&Value::Bool(true)) {
        ids.push("conflict!".into());
    }
    ids
}

/// Texts come from callers too: a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}
