//! One attempt of one stage: the facts that its start marker, beats and end said.
//!
//! Facts only grow, and each has a rule that does not depend on the order of arrival: the later end, the later beat,
//! all values of a key, the least value of a facet.

use journey_model::{SpanId, StageOutcome, TraceId};

use crate::Nanos;
use crate::limits::LINKS_MAX;

/// Identity of an attempt: the stage span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// Trace of the stage span.
    pub trace_id: TraceId,
    /// The stage span itself.
    pub span_id: SpanId,
}

/// One attempt of one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The stage span.
    pub id: AttemptId,
    /// The span that caused it.
    pub parent_span_id: Option<SpanId>,
    /// Name of the stage, whether the definition knows it or not.
    pub stage: Box<str>,
    /// `service.name`.
    pub service: Box<str>,
    /// `service.instance.id`, empty if unknown.
    pub instance: Box<str>,
    /// `journey.stage.attempt`, shown, never trusted. 1 if unknown.
    pub number: u32,
    /// Start in event time, `None` while only beats were seen.
    pub start_ns: Option<Nanos>,
    /// End in event time, `None` while it is open.
    pub end_ns: Option<Nanos>,
    /// How it ended, `None` while it is open.
    pub outcome: Option<StageOutcome>,
    /// `error.type` of the end.
    pub error_type: Option<Box<str>>,
    /// Interval of its beats in nanoseconds, `None` if it has none.
    pub beat_interval_ns: Option<Nanos>,
    /// Event time of the first beat seen.
    pub first_beat_ns: Option<Nanos>,
    /// Event time of the last beat.
    pub last_beat_ns: Option<Nanos>,
    /// What the last beat said is done, 0.0 to 1.0.
    pub progress: Option<f64>,
    /// How long the work had shown no sign of life at the last beat, in nanoseconds.
    pub idle_ns: Option<Nanos>,
    /// Amount of work.
    pub size: Option<f64>,
    /// Spans that it is linked to, sorted; at most [`crate::limits::LINKS_MAX`].
    pub links: Vec<AttemptId>,
    /// Attributes that are keys of the definition, and their values, sorted. One that holds a list has several.
    pub keys: Vec<(Box<str>, Box<str>)>,
    /// Attributes that are facets of the definition, and their values, sorted by attribute.
    pub facets: Vec<(Box<str>, Box<str>)>,
}

impl Attempt {
    /// When it first showed: its start, else its first sign of life.
    pub fn first_ns(&self) -> Nanos {
        least(self.start_ns, self.first_beat_ns).unwrap_or(0)
    }

    /// When it last showed.
    pub fn last_ns(&self) -> Nanos {
        self.end_ns.max(self.last_beat_ns).max(self.start_ns).unwrap_or(0)
    }

    /// Whether it has not ended, as far as we know.
    pub fn is_open(&self) -> bool {
        self.end_ns.is_none()
    }

    /// Whether it ended otherwise than well. Such an attempt is no step.
    pub fn has_failed(&self) -> bool {
        self.outcome.is_some_and(|outcome| outcome != StageOutcome::Ok)
    }

    /// The values of a key, in their order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.keys.iter().filter(move |(key, _)| **key == *name).map(|(_, value)| &**value)
    }

    /// Takes over what another observation of the same stage span says. Returns whether anything was new.
    pub(crate) fn merge(&mut self, other: Attempt) -> bool {
        let before = self.clone();
        self.start_ns = least(self.start_ns, other.start_ns);
        self.first_beat_ns = least(self.first_beat_ns, other.first_beat_ns);
        let ending = |attempt: &Attempt| {
            let outcome = attempt.outcome.map(StageOutcome::as_str);
            (attempt.end_ns, outcome, attempt.error_type.clone())
        };
        let beat = |attempt: &Attempt| (attempt.last_beat_ns, attempt.idle_ns, attempt.progress);
        let has_later_beat = beat(&other) > beat(self);
        if ending(&other) > ending(self) {
            self.end_ns = other.end_ns;
            self.outcome = other.outcome;
            self.error_type = other.error_type;
        }
        if has_later_beat {
            self.last_beat_ns = other.last_beat_ns;
            self.progress = other.progress;
            self.idle_ns = other.idle_ns;
        }
        self.number = self.number.max(other.number);
        self.parent_span_id = self.parent_span_id.max(other.parent_span_id);
        self.beat_interval_ns = self.beat_interval_ns.max(other.beat_interval_ns);
        self.size = if other.size > self.size { other.size } else { self.size };
        unite(&mut self.links, other.links);
        self.links.truncate(LINKS_MAX);
        unite(&mut self.keys, other.keys);
        unite(&mut self.facets, other.facets);
        self.facets.dedup_by(|later, first| later.0 == first.0);
        *self != before
    }
}

fn least(one: Option<Nanos>, other: Option<Nanos>) -> Option<Nanos> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The union of two sorted lists.
fn unite<T: Ord>(into: &mut Vec<T>, from: Vec<T>) {
    for item in from {
        if let Err(at) = into.binary_search(&item) {
            into.insert(at, item);
        }
    }
}
