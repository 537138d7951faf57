//! One attempt of one stage: the facts that its start marker, beats and end said.
//!
//! Facts only grow, and each has a rule that does not depend on the order of arrival: the later end, the later beat,
//! all values of a key, the least value of a facet.

use std::sync::Arc;

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

/// Attributes and their values, sorted, as several attempts of a journey share them.
pub type Pairs = Arc<[(Arc<str>, Arc<str>)]>;

/// One attempt of one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The stage span.
    pub id: AttemptId,
    /// The span that caused it.
    pub parent_span_id: Option<SpanId>,
    /// Name of the stage, whether the definition knows it or not.
    pub stage: Arc<str>,
    /// `service.name`.
    pub service: Arc<str>,
    /// `service.instance.id`, empty if unknown.
    pub instance: Arc<str>,
    /// `journey.stage.attempt`, shown, never trusted. 1 if unknown.
    pub number: u32,
    /// Start in event time, `None` while only beats were seen.
    pub start_ns: Option<Nanos>,
    /// End in event time, `None` while it is open.
    pub end_ns: Option<Nanos>,
    /// How it ended, `None` while it is open.
    pub outcome: Option<StageOutcome>,
    /// `error.type` of the end.
    pub error_type: Option<Arc<str>>,
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
    pub keys: Pairs,
    /// Attributes that are facets of the definition, and their values, sorted by attribute.
    pub facets: Pairs,
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
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        self.keys.iter().filter(move |(key, _)| **key == *name).map(|(_, value)| value)
    }

    /// Takes over what another observation of the same stage span says. Returns what was new.
    pub(crate) fn merge(&mut self, other: Attempt) -> News {
        let first_ns = self.first_ns();
        let mut news = News::None;
        let ending = |attempt: &Attempt| (attempt.end_ns, attempt.outcome.map(StageOutcome::as_str));
        if (ending(&other), &other.error_type) > (ending(self), &self.error_type) {
            news = News::Facts;
            self.end_ns = other.end_ns;
            self.outcome = other.outcome;
            self.error_type = other.error_type.clone();
        }
        let beat = |attempt: &Attempt| (attempt.last_beat_ns, attempt.idle_ns, attempt.progress);
        if beat(&other) > beat(self) {
            news = news.max(News::Beat);
            self.last_beat_ns = other.last_beat_ns;
            self.progress = other.progress;
            self.idle_ns = other.idle_ns;
        }
        news = news
            .max(lower(&mut self.start_ns, other.start_ns))
            .max(lower(&mut self.first_beat_ns, other.first_beat_ns).min(News::Beat))
            .max(raise(&mut self.number, other.number))
            .max(raise(&mut self.parent_span_id, other.parent_span_id))
            .max(raise(&mut self.beat_interval_ns, other.beat_interval_ns))
            .max(raise(&mut self.size, other.size))
            .max(unite_facets(&mut self.facets, &other.facets));
        if unite_links(&mut self.links, other.links) | unite_keys(&mut self.keys, &other.keys) {
            news = News::Ties;
        }
        // Which of two claims came first may have changed.
        if self.first_ns() == first_ns { news } else { News::Ties }
    }
}

/// What an observation said that was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum News {
    /// Nothing.
    None,
    /// A later beat, and no more.
    Beat,
    /// Something about the attempt.
    Facts,
    /// Something about what it belongs to, or when it began.
    Ties,
}

fn least(one: Option<Nanos>, other: Option<Nanos>) -> Option<Nanos> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn lower(known: &mut Option<Nanos>, other: Option<Nanos>) -> News {
    let lowest = least(*known, other);
    if std::mem::replace(known, lowest) == lowest { News::None } else { News::Facts }
}

fn raise<T: PartialOrd>(known: &mut T, other: T) -> News {
    if other > *known {
        *known = other;
        return News::Facts;
    }
    News::None
}

/// The least of all links. Returns whether they are others than before.
fn unite_links(into: &mut Vec<AttemptId>, from: Vec<AttemptId>) -> bool {
    let mut is_new = false;
    for item in from {
        if let Err(at) = into.binary_search(&item)
            && at < LINKS_MAX
        {
            into.insert(at, item);
            is_new = true;
        }
    }
    into.truncate(LINKS_MAX);
    is_new
}

/// All values of all keys. Returns whether there are more than before.
fn unite_keys(into: &mut Pairs, from: &Pairs) -> bool {
    if *into == *from || from.iter().all(|pair| into.binary_search(pair).is_ok()) {
        return false;
    }
    let mut all: Vec<_> = into.iter().chain(&**from).cloned().collect();
    all.sort_unstable();
    all.dedup();
    *into = all.into();
    true
}

/// The least value of each facet.
fn unite_facets(into: &mut Pairs, from: &Pairs) -> News {
    if *into == *from {
        return News::None;
    }
    let mut all: Vec<_> = into.iter().chain(&**from).cloned().collect();
    all.sort_unstable();
    all.dedup_by(|later, least| later.0 == least.0);
    if **into == *all {
        return News::None;
    }
    *into = all.into();
    News::Facts
}
