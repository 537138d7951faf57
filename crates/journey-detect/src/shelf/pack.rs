//! The attempts of one journey as few bytes, and back.
//!
//! Ids are random and take what they take; everything else is a number of few bytes: words by their place in
//! [`Symbols`], traces and values of keys by their place in this journey, times by their distance.

use std::sync::Arc;

use journey_model::{SpanId, StageOutcome, TraceId};

use super::bytes::{Reader, Writer};
use super::symbols::Symbols;
use crate::{Attempt, AttemptId, Nanos};

/// Packs attempts.
pub(super) fn pack(attempts: &[Arc<Attempt>], symbols: &mut Symbols, to: &mut Writer) {
    let mut packing = Packing { symbols, to, traces: Vec::new(), values: Vec::new(), before: None, at_ns: 0 };
    packing.to.number(attempts.len() as u64);
    attempts.iter().for_each(|attempt| packing.attempt(attempt));
}

/// The attempts, as they were packed.
pub(super) fn unpack(from: &mut Reader<'_>, symbols: &Symbols) -> Vec<Arc<Attempt>> {
    let count = from.count();
    let mut unpacking = Unpacking { symbols, from, traces: Vec::new(), values: Vec::new(), at_ns: 0 };
    let mut attempts: Vec<Arc<Attempt>> = Vec::with_capacity(count);
    for _ in 0..count {
        let attempt = unpacking.attempt(attempts.last().map(|before| &**before));
        attempts.push(Arc::new(attempt));
    }
    attempts
}

struct Packing<'p> {
    symbols: &'p mut Symbols,
    to: &'p mut Writer,
    /// Traces and values that were written in full.
    traces: Vec<TraceId>,
    values: Vec<Arc<str>>,
    /// The attempt before, and the moment that was written last.
    before: Option<&'p Attempt>,
    at_ns: Nanos,
}

impl<'p> Packing<'p> {
    fn attempt(&mut self, attempt: &'p Attempt) {
        let Attempt { id, stage, service, instance, keys, facets, links, .. } = attempt;
        let facts = Facts::of(attempt, self.before);
        self.to.number(facts.0);
        self.trace(id.trace_id);
        self.to.raw(&id.span_id.to_bytes());
        self.word(stage);
        if !facts.has(Facts::SAME_INSTANCE) {
            self.word(service);
            self.word(instance);
        }
        self.optional(attempt);
        if facts.has(Facts::LINKS) {
            self.to.number(links.len() as u64);
            for link in links {
                self.trace(link.trace_id);
                self.to.raw(&link.span_id.to_bytes());
            }
        }
        if !facts.has(Facts::SAME_KEYS) {
            self.to.number(keys.len() as u64);
            for (key, value) in &**keys {
                self.word(key);
                self.value(value);
            }
        }
        if !facts.has(Facts::SAME_FACETS) {
            self.to.number(facets.len() as u64);
            for (key, value) in &**facets {
                self.word(key);
                self.word(value);
            }
        }
        self.before = Some(attempt);
    }

    /// What [`Facts`] says is there, in its order.
    fn optional(&mut self, attempt: &Attempt) {
        if let Some(parent) = attempt.parent_span_id {
            self.to.raw(&parent.to_bytes());
        }
        let moments = [attempt.start_ns, attempt.end_ns, attempt.first_beat_ns, attempt.last_beat_ns];
        for at_ns in moments.into_iter().flatten() {
            self.to.moment(at_ns, self.at_ns);
            self.at_ns = at_ns;
        }
        if let Some(outcome) = attempt.outcome.filter(|outcome| *outcome != StageOutcome::Ok) {
            self.to.text(outcome.as_str());
        }
        if let Some(error) = &attempt.error_type {
            self.word(error);
        }
        for lasted_ns in [attempt.beat_interval_ns, attempt.idle_ns].into_iter().flatten() {
            self.to.duration(lasted_ns);
        }
        for number in [attempt.progress, attempt.size].into_iter().flatten() {
            self.to.float(number);
        }
        if attempt.number != 1 {
            self.to.number(attempt.number.into());
        }
    }

    fn trace(&mut self, trace_id: TraceId) {
        let place = self.traces.iter().position(|known| *known == trace_id);
        self.to.number(place.unwrap_or(self.traces.len()) as u64);
        if place.is_none() {
            self.to.raw(&trace_id.to_bytes());
            self.traces.push(trace_id);
        }
    }

    fn value(&mut self, value: &Arc<str>) {
        let place = self.values.iter().position(|known| known == value);
        self.to.number(place.unwrap_or(self.values.len()) as u64);
        if place.is_none() {
            self.to.text(value);
            self.values.push(Arc::clone(value));
        }
    }

    /// By its place, or in full if the table is full.
    fn word(&mut self, word: &Arc<str>) {
        match self.symbols.place(word) {
            Some(place) => self.to.number(u64::from(place) + 1),
            None => {
                self.to.number(0);
                self.to.text(word);
            }
        }
    }
}

struct Unpacking<'p, 'b> {
    symbols: &'p Symbols,
    from: &'p mut Reader<'b>,
    traces: Vec<TraceId>,
    values: Vec<Arc<str>>,
    at_ns: Nanos,
}

impl Unpacking<'_, '_> {
    fn attempt(&mut self, before: Option<&Attempt>) -> Attempt {
        let facts = Facts(self.from.number());
        let id = self.id();
        let stage = self.word();
        let (service, instance) = match before.filter(|_| facts.has(Facts::SAME_INSTANCE)) {
            Some(before) => (Arc::clone(&before.service), Arc::clone(&before.instance)),
            None => (self.word(), self.word()),
        };
        let parent_span_id = facts.has(Facts::PARENT).then(|| self.span());
        let [start_ns, end_ns, first_beat_ns, last_beat_ns] =
            [Facts::START, Facts::END, Facts::FIRST_BEAT, Facts::LAST_BEAT].map(|fact| {
                facts.has(fact).then(|| {
                    self.at_ns = self.from.moment(self.at_ns);
                    self.at_ns
                })
            });
        let outcome = match () {
            () if facts.has(Facts::OUTCOME) => StageOutcome::parse(self.from.text()),
            () => facts.has(Facts::OK).then_some(StageOutcome::Ok),
        };
        let error_type = facts.has(Facts::ERROR).then(|| self.word());
        let [beat_interval_ns, idle_ns] =
            [Facts::INTERVAL, Facts::IDLE].map(|fact| facts.has(fact).then(|| self.from.duration()));
        let [progress, size] =
            [Facts::PROGRESS, Facts::SIZE].map(|fact| facts.has(fact).then(|| self.from.float()));
        let number = if facts.has(Facts::NUMBER) { self.from.number() as u32 } else { 1 };
        let links = if facts.has(Facts::LINKS) { self.from.count() } else { 0 };
        let links = (0..links).map(|_| self.id()).collect();
        let keys = match before.filter(|_| facts.has(Facts::SAME_KEYS)) {
            Some(before) => Arc::clone(&before.keys),
            None => (0..self.from.count()).map(|_| (self.word(), self.value())).collect(),
        };
        let facets = match before.filter(|_| facts.has(Facts::SAME_FACETS)) {
            Some(before) => Arc::clone(&before.facets),
            None => (0..self.from.count()).map(|_| (self.word(), self.word())).collect(),
        };
        Attempt {
            id,
            parent_span_id,
            stage,
            service,
            instance,
            number,
            start_ns,
            end_ns,
            outcome,
            error_type,
            beat_interval_ns,
            first_beat_ns,
            last_beat_ns,
            progress,
            idle_ns,
            size,
            links,
            keys,
            facets,
        }
    }

    fn id(&mut self) -> AttemptId {
        let place = self.from.count();
        if place == self.traces.len() {
            let trace_id = TraceId::from_bytes(self.from.array()).expect("an id was written here");
            self.traces.push(trace_id);
        }
        AttemptId { trace_id: self.traces[place], span_id: self.span() }
    }

    fn span(&mut self) -> SpanId {
        SpanId::from_bytes(self.from.array()).expect("an id was written here")
    }

    fn value(&mut self) -> Arc<str> {
        let place = self.from.count();
        if place == self.values.len() {
            self.values.push(self.from.text().into());
        }
        Arc::clone(&self.values[place])
    }

    fn word(&mut self) -> Arc<str> {
        match self.from.number() {
            0 => self.from.text().into(),
            place => self.symbols.word(place as u32 - 1),
        }
    }
}

/// Which facts of an attempt are there, and which are those of the attempt before. The common ones come first.
#[derive(Debug, Clone, Copy)]
struct Facts(u64);

impl Facts {
    const START: u64 = 1;
    const END: u64 = 1 << 1;
    const OK: u64 = 1 << 2;
    const PARENT: u64 = 1 << 3;
    const SAME_INSTANCE: u64 = 1 << 4;
    const SAME_KEYS: u64 = 1 << 5;
    const SAME_FACETS: u64 = 1 << 6;
    const SIZE: u64 = 1 << 7;
    const INTERVAL: u64 = 1 << 8;
    const FIRST_BEAT: u64 = 1 << 9;
    const LAST_BEAT: u64 = 1 << 10;
    const PROGRESS: u64 = 1 << 11;
    const IDLE: u64 = 1 << 12;
    const ERROR: u64 = 1 << 13;
    const NUMBER: u64 = 1 << 14;
    const LINKS: u64 = 1 << 15;
    /// It ended otherwise than well.
    const OUTCOME: u64 = 1 << 16;

    fn of(attempt: &Attempt, before: Option<&Attempt>) -> Self {
        let is_as_before =
            |same: fn(&Attempt, &Attempt) -> bool| before.is_some_and(|one| same(one, attempt));
        let facts = [
            (Self::START, attempt.start_ns.is_some()),
            (Self::END, attempt.end_ns.is_some()),
            (Self::OK, attempt.outcome == Some(StageOutcome::Ok)),
            (Self::PARENT, attempt.parent_span_id.is_some()),
            (
                Self::SAME_INSTANCE,
                is_as_before(|one, other| one.service == other.service && one.instance == other.instance),
            ),
            (Self::SAME_KEYS, is_as_before(|one, other| one.keys == other.keys)),
            (Self::SAME_FACETS, is_as_before(|one, other| one.facets == other.facets)),
            (Self::SIZE, attempt.size.is_some()),
            (Self::INTERVAL, attempt.beat_interval_ns.is_some()),
            (Self::FIRST_BEAT, attempt.first_beat_ns.is_some()),
            (Self::LAST_BEAT, attempt.last_beat_ns.is_some()),
            (Self::PROGRESS, attempt.progress.is_some()),
            (Self::IDLE, attempt.idle_ns.is_some()),
            (Self::ERROR, attempt.error_type.is_some()),
            (Self::NUMBER, attempt.number != 1),
            (Self::LINKS, !attempt.links.is_empty()),
            (Self::OUTCOME, attempt.outcome.is_some_and(|outcome| outcome != StageOutcome::Ok)),
        ];
        Self(facts.into_iter().map(|(fact, is_there)| if is_there { fact } else { 0 }).sum())
    }

    fn has(self, fact: u64) -> bool {
        self.0 & fact != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> AttemptId {
        AttemptId {
            trace_id: TraceId::from_bytes(u128::from(n % 3 + 1).to_be_bytes()).unwrap(),
            span_id: SpanId::from_bytes((n + 1).to_be_bytes()).unwrap(),
        }
    }

    /// An attempt with those facts that the bits of `n` choose.
    fn attempt(n: u64) -> Arc<Attempt> {
        let has = |bit: u64| n >> bit & 1 == 1;
        let pair = |key: &str, value: String| (key.into(), value.into());
        Arc::new(Attempt {
            id: id(n),
            parent_span_id: has(0).then(|| id(n + 7).span_id),
            stage: format!("stage {}", n % 5).into(),
            service: "mes-api".into(),
            instance: if has(1) { "mes-1".into() } else { "".into() },
            number: if has(2) { 3 } else { 1 },
            start_ns: has(3).then_some(1_700_000_000_000_000_000 + n),
            end_ns: has(4).then_some(1_700_000_005_000_000_000 - n),
            outcome: has(4).then_some(if has(5) { StageOutcome::Ok } else { StageOutcome::Failed }),
            error_type: has(5).then(|| "timeout".into()),
            beat_interval_ns: has(6).then_some(15_000_000_000),
            first_beat_ns: has(7).then_some(1_700_000_001_000_000_000),
            last_beat_ns: has(7).then_some(1_700_000_002_000_000_000),
            progress: has(8).then_some(0.25),
            idle_ns: has(9).then_some(0),
            size: has(10).then_some(123_456.5),
            links: if has(11) { vec![id(n + 20), id(n + 21)] } else { Vec::new() },
            keys: (0..n % 3).map(|k| pair("order.id", format!("ORD-{}", n % 2 + k))).collect(),
            facets: (0..n % 2).map(|_| pair("material", "PLA".into())).collect(),
        })
    }

    /// Scenario: attempts with every choice of facts, with a table of words that takes all of them or none.
    /// Guarantees: what comes back is what was packed.
    #[test]
    fn what_is_packed_comes_back() {
        for (mut symbols, at) in [Symbols::default(), Symbols::full()].into_iter().zip(0..) {
            let attempts: Vec<Arc<Attempt>> = (0..1 << 12).map(attempt).collect();
            for some in attempts.chunks(7) {
                let mut writer = Writer::default();
                pack(some, &mut symbols, &mut writer);
                let bytes = writer.finish();
                let mut reader = Reader(&bytes);
                assert_eq!(unpack(&mut reader, &symbols), some, "table {at}");
                assert_eq!(reader.0.len(), 0);
            }
        }
    }
}
