//! Reads what a span says about an attempt or a service instance.
//!
//! Each attribute is looked at once: those that the engine reads have a place each, and the others are passed over.

use std::sync::Arc;

use foldhash::HashMap;
use journey_model::{ProcessState, Resource, Signal, SpanRecord, SpanStatus, StageOutcome, Value, attribute};

use crate::limits::{KEY_BYTES_MAX, KEY_VALUES_MAX, LINKS_MAX};
use crate::names::Names;
use crate::observation::{Numbered, Observation, ProcessSignal};
use crate::{Attempt, AttemptId, Definition, Nanos, Pairs};

/// Which attributes the engine reads.
#[derive(Debug)]
pub(crate) struct Observer {
    /// The place of each attribute that is read.
    places: HashMap<Box<str>, usize>,
    /// The attribute that names the stage.
    stage: usize,
    /// The attribute with the amount of work, by stage.
    sizes: Vec<usize>,
    keys: Vec<(usize, Arc<str>)>,
    facets: Vec<(usize, Arc<str>)>,
}

impl Observer {
    pub(crate) fn new(definition: &Definition, names: &mut Names) -> Self {
        let mut places: HashMap<Box<str>, usize> =
            FIXED.iter().enumerate().map(|(place, key)| ((*key).into(), place)).collect();
        let mut place = |key: &str| {
            let next = places.len();
            *places.entry(key.into()).or_insert(next)
        };
        let stage = place(&definition.stage_attribute);
        let size = |stage: &crate::StageDefinition| stage.size.clone();
        let sizes = definition.stages.iter().map(size).collect::<Vec<_>>();
        let sizes = sizes.into_iter().map(|size| size.map_or(SIZE, |key| place(&key))).collect();
        let keys = definition.keys.iter().map(|key| (place(&key.name), names.get(&key.name))).collect();
        let facets = definition.facets.iter().map(|facet| (place(facet), names.get(facet))).collect();
        Self { places, stage, sizes, keys, facets }
    }

    /// Reads one span. A span without a signal that names a stage is an ended stage.
    pub(crate) fn observe(
        &self,
        definition: &Definition,
        names: &mut Names,
        resource: &Resource<'_>,
        span: &SpanRecord<'_>,
    ) -> Observation {
        let found = self.find(span);
        let stage = found.str(self.stage).or_else(|| recognised(definition, resource, span));
        let signal = match found.str(SIGNAL) {
            Some(word) => Signal::parse(word),
            None => stage.map(|_| Signal::End),
        };
        match (signal, stage) {
            (None, _) => Observation::Irrelevant,
            (Some(Signal::Process), _) => process(&found, span),
            (Some(signal), Some(stage)) => {
                let reading = Reading { observer: self, definition, resource, span, found, signal };
                reading.attempt(names, stage)
            }
            (Some(_), None) => Observation::Malformed,
        }
    }

    fn find<'s>(&self, span: &'s SpanRecord<'_>) -> Found<'s> {
        let mut found = Found { values: vec![None; self.places.len()], facets: Vec::new() };
        for attribute in &span.attributes {
            if let Some(place) = self.places.get(&*attribute.key) {
                // Of an attribute that comes twice the first counts.
                found.values[*place].get_or_insert(&attribute.value);
            }
            let facet =
                attribute.key.strip_prefix(attribute::JOURNEY_FACET).and_then(|rest| rest.strip_prefix('.'));
            if let Some(facet) = facet {
                found.facets.push((facet, &attribute.value));
            }
        }
        found
    }
}

/// The attributes of a span that the engine reads.
struct Found<'s> {
    /// By place.
    values: Vec<Option<&'s Value<'s>>>,
    /// Those whose name says that they are facets.
    facets: Vec<(&'s str, &'s Value<'s>)>,
}

impl<'s> Found<'s> {
    fn str(&self, place: usize) -> Option<&'s str> {
        self.values[place]?.as_str()
    }

    fn i64(&self, place: usize) -> Option<i64> {
        match self.values[place]? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn f64(&self, place: usize) -> Option<f64> {
        match self.values[place]? {
            Value::Double(number) => Some(*number),
            // Exact up to 2^53; sizes and seconds stay far below.
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    fn seconds(&self, place: usize) -> Option<Nanos> {
        let seconds = self.f64(place).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
        Some((seconds * 1e9) as Nanos)
    }
}

/// A span of a stage, as it is read.
struct Reading<'r, 's> {
    observer: &'r Observer,
    definition: &'r Definition,
    resource: &'r Resource<'r>,
    span: &'s SpanRecord<'s>,
    found: Found<'s>,
    signal: Signal,
}

impl Reading<'_, '_> {
    fn attempt(&self, names: &mut Names, stage: &str) -> Observation {
        let Self { span, found, resource, .. } = self;
        let (is_end, is_beat) = (self.signal == Signal::End, self.signal == Signal::Beat);
        let span_id = if is_end { Some(span.span_id) } else { span.parent_span_id };
        let Some(span_id) = span_id else { return Observation::Malformed };
        let size =
            self.definition.stage_named(stage).map_or(SIZE, |id| self.observer.sizes[usize::from(id.0)]);
        let attempt = Box::new(Attempt {
            id: AttemptId { trace_id: span.trace_id, span_id },
            // A marker's parent is the stage span; what caused that one, only its end says.
            parent_span_id: span.parent_span_id.filter(|_| is_end),
            stage: names.get(stage),
            service: names.get(resource.str(attribute::SERVICE_NAME).unwrap_or_default()),
            instance: names.get(resource.str(attribute::SERVICE_INSTANCE_ID).unwrap_or_default()),
            number: found.i64(ATTEMPT).and_then(|number| number.try_into().ok()).unwrap_or(1),
            start_ns: (!is_beat).then_some(span.start_ns),
            end_ns: is_end.then_some(span.end_ns),
            outcome: is_end.then(|| self.outcome()),
            error_type: found.str(ERROR).map(|error| names.get(error)),
            beat_interval_ns: found.seconds(INTERVAL),
            first_beat_ns: is_beat.then_some(span.start_ns),
            last_beat_ns: is_beat.then_some(span.start_ns),
            progress: is_beat.then(|| found.f64(PROGRESS)).flatten(),
            idle_ns: is_beat.then(|| found.seconds(IDLE)).flatten(),
            size: found.f64(size),
            links: self.links(),
            keys: self.keys(),
            facets: self.facets(names),
        });
        Observation::Stage(attempt, self.numbered())
    }

    /// Beats use up no number. Where nothing says whether the number was given at the start or at the end, both may be.
    fn numbered(&self) -> Option<Numbered> {
        let seq = self.found.i64(SEQ).filter(|_| self.signal != Signal::Beat)?;
        let is_said = self.found.values[SIGNAL].is_some();
        let from_ns = if is_said { self.span.end_ns } else { self.span.start_ns };
        Some(Numbered { seq: seq.try_into().ok()?, between_ns: (from_ns, self.span.end_ns) })
    }

    fn outcome(&self) -> StageOutcome {
        let said = self.found.str(OUTCOME).and_then(StageOutcome::parse);
        said.unwrap_or(match self.span.status {
            SpanStatus::Error { .. } => StageOutcome::Failed,
            SpanStatus::Ok | SpanStatus::Unset => StageOutcome::Ok,
        })
    }

    fn links(&self) -> Vec<AttemptId> {
        if self.span.links.is_empty() {
            return Vec::new();
        }
        let id =
            |link: &journey_model::Link<'_>| AttemptId { trace_id: link.trace_id, span_id: link.span_id };
        let mut links: Vec<AttemptId> = self.span.links.iter().map(id).collect();
        links.sort_unstable();
        links.dedup();
        links.truncate(LINKS_MAX);
        links
    }

    fn keys(&self) -> Pairs {
        let mut keys: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(self.observer.keys.len());
        for (place, name) in &self.observer.keys {
            let own = |give: &mut dyn FnMut(&str)| {
                self.found.values[*place].is_some_and(|value| texts(value, give))
            };
            self.values(own, name, |value| keys.push((Arc::clone(name), value.into())));
        }
        keys.sort_unstable();
        keys.dedup();
        keys.into()
    }

    /// A facet named `material` is read from `journey.facet.material`, else from an attribute of its very name.
    fn facets(&self, names: &mut Names) -> Pairs {
        let mut facets: Vec<(Arc<str>, Arc<str>)> =
            Vec::with_capacity(self.observer.facets.len().max(self.found.facets.len()));
        for (name, value) in &self.found.facets {
            let mut name = Some(names.get(name));
            facet_texts(value, &mut |value| {
                let name = name.take().filter(|_| value.len() <= KEY_BYTES_MAX);
                facets.extend(name.map(|name| (name, names.get(value))));
            });
        }
        for (place, name) in &self.observer.facets {
            let own = |give: &mut dyn FnMut(&str)| {
                self.found.values[*place].is_some_and(|value| facet_texts(value, give))
            };
            self.values(own, name, |value| facets.push((Arc::clone(name), names.get(value))));
        }
        // The first of a name stays: the one that says it is a facet.
        facets.sort_by(|one, other| one.0.cmp(&other.0));
        facets.dedup_by(|one, other| one.0 == other.0);
        facets.into()
    }

    /// The values of an attribute: its own ones, or that of the resource if there are none.
    fn values(&self, own: impl FnOnce(&mut dyn FnMut(&str)) -> bool, name: &str, mut give: impl FnMut(&str)) {
        let mut left = KEY_VALUES_MAX;
        let mut give = |value: &str| {
            if !value.is_empty() && value.len() <= KEY_BYTES_MAX && left > 0 {
                left -= 1;
                give(value);
            }
        };
        if !own(&mut give) {
            self.resource.str(name).into_iter().for_each(give);
        }
    }
}

/// Gives the texts of a key: a text or a list of texts; some services write a number. Returns whether there is any.
fn texts(value: &Value<'_>, give: &mut dyn FnMut(&str)) -> bool {
    match value {
        Value::Str(text) => give(text),
        Value::StrArray(list) => list.iter().for_each(|text| give(text)),
        Value::Int(number) => give(&number.to_string()),
        Value::Bool(_) | Value::Double(_) => return false,
    }
    !matches!(value, Value::StrArray(list) if list.is_empty())
}

/// The same of a facet, which may be any number, and true or false.
fn facet_texts(value: &Value<'_>, give: &mut dyn FnMut(&str)) -> bool {
    match value {
        Value::Bool(is_so) => give(if *is_so { "true" } else { "false" }),
        // 12.0 is written as 12, as a whole number is.
        Value::Double(number) => give(&number.to_string()),
        Value::Int(_) | Value::Str(_) | Value::StrArray(_) => return texts(value, give),
    }
    true
}

fn process(found: &Found<'_>, span: &SpanRecord<'_>) -> Observation {
    let Some(state) = found.str(STATE).and_then(ProcessState::parse) else { return Observation::Malformed };
    let seq = found.i64(SEQ).and_then(|seq| seq.try_into().ok()).unwrap_or(0);
    Observation::Process(ProcessSignal { state, at_ns: span.start_ns, seq })
}

/// The stage that the definition recognises in a span that names none.
fn recognised<'d>(
    definition: &'d Definition,
    resource: &Resource<'_>,
    span: &SpanRecord<'_>,
) -> Option<&'d str> {
    let found = definition.stages.iter().find(|stage| {
        stage.matching.as_ref().is_some_and(|wanted| {
            wanted.span == span.name
                && wanted.kind.is_none_or(|kind| kind == span.kind)
                && resource.str(attribute::SERVICE_NAME) == Some(&wanted.service)
        })
    })?;
    Some(&found.name)
}

/// Attributes that are read whatever the definition says, by their places.
const FIXED: [&str; 10] = [
    attribute::JOURNEY_SIGNAL,
    attribute::JOURNEY_SEQ,
    attribute::JOURNEY_PROCESS_STATE,
    attribute::JOURNEY_STAGE_ATTEMPT,
    attribute::JOURNEY_STAGE_OUTCOME,
    attribute::ERROR_TYPE,
    attribute::JOURNEY_STAGE_HEARTBEAT_INTERVAL,
    attribute::JOURNEY_STAGE_PROGRESS,
    attribute::JOURNEY_STAGE_IDLE,
    attribute::JOURNEY_STAGE_SIZE,
];
const SIGNAL: usize = 0;
const SEQ: usize = 1;
const STATE: usize = 2;
const ATTEMPT: usize = 3;
const OUTCOME: usize = 4;
const ERROR: usize = 5;
const INTERVAL: usize = 6;
const PROGRESS: usize = 7;
const IDLE: usize = 8;
const SIZE: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: values of each type that an attribute can have.
    /// Guarantees: true and false and numbers are texts of a facet too, a whole number the same in both its types; an id is
    /// a text or a whole number.
    #[test]
    fn every_value_is_a_text() {
        let check = |value: Value<'_>, expected: &[&str]| {
            let mut found: Vec<String> = Vec::new();
            facet_texts(&value, &mut |text| found.push(text.to_owned()));
            assert_eq!(found, expected);
            let is_id = texts(&value, &mut |_| {});
            assert_eq!(is_id, !matches!(value, Value::Bool(_) | Value::Double(_)));
        };
        check(Value::Bool(true), &["true"]);
        check(Value::Double(12.0), &["12"]);
        check(Value::Double(0.5), &["0.5"]);
        check(Value::Int(12), &["12"]);
        check(Value::Str("oak".into()), &["oak"]);
        check(Value::StrArray(vec!["a".into(), "b".into()]), &["a", "b"]);
    }
}
