//! The engine, driven by the clock that the spans carry.

use std::collections::BTreeMap;

use journey_detect::{Definition, Engine, Nanos, Sight};
use journey_model::{Resource, SpanRecord};
use journey_otlp::{Reject, json, wire};

use super::bodies::{BROKEN, Body};
use super::ledger::Ledger;
use super::report::{Report, Tallies};
use super::seen::Seen;
use super::sorter::Batch;
use crate::limits::REPLAY_LOOK_STEP_NS;

/// Plays spans.
#[derive(Debug)]
pub(super) struct Player {
    engine: Engine,
    ledger: Ledger,
    seen: Seen,
    /// Spans of the body that is being played.
    batch: Batch,
    spans: u64,
    repeats: u64,
    rejected: BTreeMap<&'static str, u64>,
    /// The latest event time.
    now_ns: Nanos,
    /// When the engine last looked.
    looked_ns: Nanos,
    /// Whether something came since.
    has_news: bool,
}

impl Player {
    /// A player at the beginning of time.
    pub(super) fn new(definition: Definition) -> Self {
        Self {
            engine: Engine::new(definition),
            ledger: Ledger::default(),
            seen: Seen::default(),
            batch: Batch::default(),
            spans: 0,
            repeats: 0,
            rejected: BTreeMap::new(),
            now_ns: 0,
            looked_ns: 0,
            has_news: false,
        }
    }

    /// Plays one body. It came as one delivery, so its spans are played in the order of their ends: an exporter groups
    /// them by resource.
    pub(super) fn play(&mut self, body: Body<'_>) {
        let mut batch = std::mem::take(&mut self.batch);
        self.hand_over(body, &mut batch);
        for (_, request) in batch.sorted() {
            self.play_one(request);
        }
        batch.clear();
        self.batch = batch;
    }

    /// Plays a request of one span that was handed over before.
    pub(super) fn play_one(&mut self, request: &[u8]) {
        let walked = wire::walk(request, |resource, read| {
            if let Ok(span) = read {
                self.take(resource, span);
            }
        });
        debug_assert!(walked.is_ok(), "it was encoded here");
    }

    /// Hands the spans of one body over to be sorted; what is broken is counted here.
    pub(super) fn hand_over(&mut self, body: Body<'_>, batch: &mut Batch) {
        let visit = |resource: &Resource<'_>, read: Result<&SpanRecord<'_>, Reject>| match read {
            Ok(span) => batch.push(resource, span),
            Err(reject) => {
                self.spans += 1;
                self.reject(reject.as_str());
            }
        };
        let is_whole = match body {
            Body::Json(text) => json::walk(text, visit).is_ok(),
            Body::Protobuf(bytes) => wire::walk(bytes, visit).is_ok(),
            Body::Broken(reason) => return self.reject(reason),
        };
        if !is_whole {
            self.reject(BROKEN);
        }
    }

    fn reject(&mut self, reason: &'static str) {
        *self.rejected.entry(reason).or_default() += 1;
    }

    fn take(&mut self, resource: &Resource<'_>, span: &SpanRecord<'_>) {
        self.spans += 1;
        let is_new = self.seen.note(span.trace_id, span.span_id);
        self.repeats += u64::from(!is_new);
        self.advance(span.end_ns);
        self.has_news = true;
        // A repeat may know a later end, so the engine sees it too.
        if let Err(refusal) = self.engine.observe(resource, span) {
            self.reject(refusal.as_str());
        }
    }

    /// Moves the clock, and looks at what falls due on the way. What falls due at the very moment of a span may still
    /// be prevented by it.
    fn advance(&mut self, to_ns: Nanos) {
        if to_ns <= self.now_ns {
            return;
        }
        // Only a look tells what the news makes due.
        if self.has_news && to_ns.saturating_sub(self.looked_ns) >= REPLAY_LOOK_STEP_NS {
            self.look(self.now_ns);
        }
        while let Some(due_ns) = self.engine.next_look_ns()
            && self.looked_ns < due_ns
            && due_ns < to_ns
        {
            self.look(due_ns);
        }
        self.now_ns = to_ns;
    }

    fn look(&mut self, at_ns: Nanos) {
        let evicted_before = self.engine.counters().evicted;
        let outputs = self.engine.look(Sight::Seeing { since_ns: 0 }, at_ns);
        let has_evicted = self.engine.counters().evicted != evicted_before;
        self.ledger.take(at_ns, outputs, has_evicted);
        (self.looked_ns, self.has_news) = (at_ns, false);
    }

    /// Lets the clock run on and reports.
    pub(super) fn finish(mut self, until_ns: Option<Nanos>) -> (Report, Ledger) {
        self.look(self.now_ns);
        if let Some(until_ns) = until_ns {
            self.advance(until_ns);
        }
        self.look(self.now_ns);
        let outputs = self.engine.conclude(self.now_ns);
        self.ledger.take(self.now_ns, outputs, false);
        let tallies = Tallies {
            spans: self.spans,
            repeats: self.repeats,
            rejected: self.rejected,
            irrelevant: self.engine.counters().irrelevant,
            loss_rate: self.engine.loss_rate(),
            now_ns: self.now_ns,
        };
        let standing = self.engine.standing().cloned().collect();
        (Report::new(tallies, &self.ledger, standing), self.ledger)
    }
}
