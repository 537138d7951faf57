//! What one span says about an attempt or a service instance.

use std::borrow::Cow;
use std::sync::Arc;

use journey_model::{ProcessState, Resource, Signal, SpanRecord, SpanStatus, StageOutcome, Value, attribute};

use crate::limits::{KEY_BYTES_MAX, KEY_VALUES_MAX, LINKS_MAX};
use crate::names::Names;
use crate::{Attempt, AttemptId, Definition, Nanos};

/// What one span says.
#[derive(Debug)]
pub(crate) enum Observation {
    /// Nothing about a journey.
    Irrelevant,
    /// A marker without the stage span it belongs to, or without the stage's name.
    Malformed,
    /// A service instance runs or stops.
    Process(ProcessSignal),
    /// Something about an attempt of a stage.
    Stage(Box<Attempt>, Option<Numbered>),
}

/// The number that a marker or an end used up, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) seq: u64,
    /// Earliest and latest event time at which it can have been given.
    pub(crate) between_ns: (Nanos, Nanos),
}

/// What a process signal says.
#[derive(Debug)]
pub(crate) struct ProcessSignal {
    pub(crate) state: ProcessState,
    pub(crate) at_ns: Nanos,
    /// The last number used.
    pub(crate) seq: u64,
}

/// Reads one span. A span without a signal that names a stage is an ended stage.
pub(crate) fn observe(
    definition: &Definition,
    names: &mut Names,
    resource: &Resource<'_>,
    span: &SpanRecord<'_>,
) -> Observation {
    let stage = stage_name(definition, resource, span);
    let signal = match span.str(attribute::JOURNEY_SIGNAL) {
        Some(word) => Signal::parse(word),
        None => stage.map(|_| Signal::End),
    };
    match (signal, stage) {
        (None, _) => Observation::Irrelevant,
        (Some(Signal::Process), _) => process(span),
        (Some(signal), Some(stage)) => attempt(definition, names, resource, span, signal, stage),
        (Some(_), None) => Observation::Malformed,
    }
}

fn process(span: &SpanRecord<'_>) -> Observation {
    let state = span.str(attribute::JOURNEY_PROCESS_STATE).and_then(ProcessState::parse);
    let Some(state) = state else { return Observation::Malformed };
    let seq = span.i64(attribute::JOURNEY_SEQ).and_then(|seq| seq.try_into().ok()).unwrap_or(0);
    Observation::Process(ProcessSignal { state, at_ns: span.start_ns, seq })
}

fn attempt(
    definition: &Definition,
    names: &mut Names,
    resource: &Resource<'_>,
    span: &SpanRecord<'_>,
    signal: Signal,
    stage: &str,
) -> Observation {
    let (is_end, is_beat) = (signal == Signal::End, signal == Signal::Beat);
    let span_id = if is_end { Some(span.span_id) } else { span.parent_span_id };
    let Some(span_id) = span_id else { return Observation::Malformed };
    let number = span.i64(attribute::JOURNEY_STAGE_ATTEMPT).and_then(|number| number.try_into().ok());
    let size = definition.stage_named(stage).and_then(|id| definition.stage(id).size.as_deref());
    let attempt = Box::new(Attempt {
        id: AttemptId { trace_id: span.trace_id, span_id },
        // A marker's parent is the stage span; what caused that one, only its end says.
        parent_span_id: span.parent_span_id.filter(|_| is_end),
        stage: names.get(stage),
        service: names.get(resource.str(attribute::SERVICE_NAME).unwrap_or_default()),
        instance: names.get(resource.str(attribute::SERVICE_INSTANCE_ID).unwrap_or_default()),
        number: number.unwrap_or(1),
        start_ns: (!is_beat).then_some(span.start_ns),
        end_ns: is_end.then_some(span.end_ns),
        outcome: is_end.then(|| outcome(span)),
        error_type: span.str(attribute::ERROR_TYPE).map(|error| names.get(error)),
        beat_interval_ns: seconds(span, attribute::JOURNEY_STAGE_HEARTBEAT_INTERVAL),
        first_beat_ns: is_beat.then_some(span.start_ns),
        last_beat_ns: is_beat.then_some(span.start_ns),
        progress: is_beat.then(|| span.f64(attribute::JOURNEY_STAGE_PROGRESS)).flatten(),
        idle_ns: is_beat.then(|| seconds(span, attribute::JOURNEY_STAGE_IDLE)).flatten(),
        size: span.f64(size.unwrap_or(attribute::JOURNEY_STAGE_SIZE)),
        links: links(span),
        keys: pairs(definition.keys.iter().map(|key| &*key.name), names, resource, span),
        facets: facets(definition, names, resource, span),
    });
    Observation::Stage(attempt, numbered(span, is_beat))
}

/// Beats use up no number. Where nothing says whether the number was given at the start or at the end, both may be.
fn numbered(span: &SpanRecord<'_>, is_beat: bool) -> Option<Numbered> {
    let seq = span.i64(attribute::JOURNEY_SEQ).filter(|_| !is_beat)?;
    let from_ns = if span.get(attribute::JOURNEY_SIGNAL).is_some() { span.end_ns } else { span.start_ns };
    Some(Numbered { seq: seq.try_into().ok()?, between_ns: (from_ns, span.end_ns) })
}

fn links(span: &SpanRecord<'_>) -> Vec<AttemptId> {
    if span.links.is_empty() {
        return Vec::new();
    }
    let mut links: Vec<AttemptId> =
        span.links.iter().map(|link| AttemptId { trace_id: link.trace_id, span_id: link.span_id }).collect();
    links.sort_unstable();
    links.dedup();
    links.truncate(LINKS_MAX);
    links
}

/// The stage that a span names, or that the definition recognises in it.
fn stage_name<'s>(
    definition: &'s Definition,
    resource: &Resource<'_>,
    span: &'s SpanRecord<'_>,
) -> Option<&'s str> {
    span.str(&definition.stage_attribute).or_else(|| {
        let found = definition.stages.iter().find(|stage| {
            stage.matching.as_ref().is_some_and(|wanted| {
                wanted.span == span.name
                    && wanted.kind.is_none_or(|kind| kind == span.kind)
                    && resource.str(attribute::SERVICE_NAME) == Some(&wanted.service)
            })
        })?;
        Some(&found.name)
    })
}

fn outcome(span: &SpanRecord<'_>) -> StageOutcome {
    let said = span.str(attribute::JOURNEY_STAGE_OUTCOME).and_then(StageOutcome::parse);
    said.unwrap_or(match span.status {
        SpanStatus::Error { .. } => StageOutcome::Failed,
        SpanStatus::Ok | SpanStatus::Unset => StageOutcome::Ok,
    })
}

fn seconds(span: &SpanRecord<'_>, key: &str) -> Option<Nanos> {
    let seconds = span.f64(key).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    Some((seconds * 1e9) as Nanos)
}

/// A facet named `material` is read from `journey.facet.material`, else from an attribute of its very name.
fn facets(
    definition: &Definition,
    names: &mut Names,
    resource: &Resource<'_>,
    span: &SpanRecord<'_>,
) -> Vec<(Arc<str>, Arc<str>)> {
    let mut facets = pairs(definition.facets.iter().map(String::as_str), names, resource, span);
    facets.iter_mut().for_each(|(_, value)| *value = names.get(value));
    for attribute in &span.attributes {
        let name =
            attribute.key.strip_prefix(attribute::JOURNEY_FACET).and_then(|rest| rest.strip_prefix('.'));
        if let (Some(name), Some(value)) = (name, attribute.value.as_str())
            && value.len() <= KEY_BYTES_MAX
        {
            facets.push((names.get(name), names.get(value)));
        }
    }
    facets.sort();
    facets.dedup_by(|one, other| one.0 == other.0);
    facets
}

/// The named attributes that the span has, else its resource; each value of a list by itself.
fn pairs<'n>(
    wanted: impl Iterator<Item = &'n str>,
    names: &mut Names,
    resource: &Resource<'_>,
    span: &SpanRecord<'_>,
) -> Vec<(Arc<str>, Arc<str>)> {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    for name in wanted {
        let mut own = span.get(name).into_iter().flat_map(texts).peekable();
        let inherited = if own.peek().is_none() { resource.str(name).map(Cow::Borrowed) } else { None };
        let values = own.chain(inherited);
        let values = values.filter(|value| !value.is_empty() && value.len() <= KEY_BYTES_MAX);
        pairs.extend(values.take(KEY_VALUES_MAX).map(|value| (names.get(name), Arc::from(&*value))));
    }
    pairs.sort();
    pairs.dedup();
    pairs
}

/// A key is a text or a list of texts; some services write a number.
fn texts<'a>(value: &'a Value<'_>) -> impl Iterator<Item = Cow<'a, str>> {
    let (one, list) = match value {
        Value::Int(number) => (Some(Cow::Owned(number.to_string())), &[][..]),
        Value::StrArray(list) => (None, &list[..]),
        other => (other.as_str().map(Cow::Borrowed), &[][..]),
    };
    one.into_iter().chain(list.iter().map(|text| Cow::Borrowed(&**text)))
}
