//! One attempt of one stage, and its three records: span type `journey.stage` of the registry.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use journey_model::{
    Attribute, Link, Signal, SpanId, SpanKind, SpanRecord, SpanStatus, StageOutcome, TraceId, attribute,
};

use crate::{CellHandle, ids, metrics};

use super::clock;

/// Where the attempt stands in its trace.
pub(crate) struct Origin {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    /// W3C trace flags.
    pub(crate) flags: u8,
    /// W3C `tracestate`, empty if none.
    pub(crate) trace_state: String,
    pub(crate) links: Vec<Link<'static>>,
}

/// What the attempt works on.
pub(crate) struct Work {
    pub(crate) stage: Cow<'static, str>,
    /// Number of the attempt, from 1.
    pub(crate) attempt: u32,
    /// Order status before, if known, and after.
    pub(crate) status: Option<(Option<String>, String)>,
    pub(crate) size: Option<f64>,
    pub(crate) cell: CellHandle,
}

/// How the attempt ended.
pub(crate) struct Ending {
    pub(crate) outcome: StageOutcome,
    /// Class of the error, low cardinality.
    pub(crate) error_type: Option<Cow<'static, str>>,
    pub(crate) description: String,
}

/// An attempt from its start to its end. Shared by the stage, its handles and the lane.
pub(crate) struct Attempt {
    origin: Origin,
    work: Work,
    start_ns: u64,
    started: Instant,
    life: Life,
    /// Held while a beat joins the queue, so that none comes after the end.
    ended: Mutex<bool>,
}

/// What the work says of itself.
struct Life {
    /// Bits of an `f64`; NaN if never said.
    progress: AtomicU64,
    /// Bits of an `f64`; NaN if never said.
    size: AtomicU64,
    /// Nanoseconds from the start to the last sign of life.
    sign_ns: AtomicU64,
    /// Beats so far.
    beats: AtomicU64,
}

impl Attempt {
    pub(crate) fn begin(origin: Origin, work: Work) -> Self {
        let life = Life {
            progress: AtomicU64::new(f64::NAN.to_bits()),
            size: AtomicU64::new(work.size.unwrap_or(f64::NAN).to_bits()),
            sign_ns: AtomicU64::new(0),
            beats: AtomicU64::new(0),
        };
        let (start_ns, started) = (clock::now_ns(), Instant::now());
        Self { origin, work, start_ns, started, life, ended: Mutex::new(false) }
    }

    pub(crate) fn span_id(&self) -> SpanId {
        self.origin.span_id
    }

    /// The work lives.
    pub(crate) fn tick(&self) {
        self.life.sign_ns.store(clock::nanos(self.started.elapsed()), Relaxed);
    }

    /// The work lives and has come this far, 0 to 1.
    pub(crate) fn progress(&self, part: f64) {
        if !part.is_nan() {
            self.life.progress.store(part.clamp(0.0, 1.0).to_bits(), Relaxed);
        }
        self.tick();
    }

    /// The amount of work, once it is known.
    pub(crate) fn set_size(&self, size: f64) {
        self.life.size.store(size.to_bits(), Relaxed);
    }

    /// Runs `push` if the attempt has not ended; the end waits meanwhile.
    pub(super) fn unless_ended(&self, push: impl FnOnce()) {
        if !*self.ended.lock().unwrap_or_else(PoisonError::into_inner) {
            push();
        }
    }

    pub(super) fn mark_ended(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Records how long the stage took, if anything is measured.
    pub(crate) fn measure(&self, ending: &Ending) {
        metrics::stage_duration(&self.work.stage, ending.error_type.as_deref(), self.started.elapsed());
    }

    /// The start marker; the queue adds the number. Carries the links too, since the end may never come.
    pub(super) fn start_marker(&self, beat_interval: Option<Duration>) -> SpanRecord<'static> {
        let mut record = self.marker(Signal::Start, self.start_ns);
        push(&mut record, attribute::JOURNEY_STAGE_HEARTBEAT_SEQUENCE, 0);
        if let Some(interval) = beat_interval {
            push(&mut record, attribute::JOURNEY_STAGE_HEARTBEAT_INTERVAL, interval.as_secs_f64());
        }
        record.links.clone_from(&self.origin.links);
        record
    }

    /// The next beat.
    pub(super) fn beat(&self, interval: Duration, now: Instant) -> SpanRecord<'static> {
        let last_sign = self.started + Duration::from_nanos(self.life.sign_ns.load(Relaxed));
        let idle = now.saturating_duration_since(last_sign);
        let beat = self.life.beats.fetch_add(1, Relaxed).saturating_add(1);
        let mut record = self.marker(Signal::Beat, clock::now_ns().max(self.start_ns));
        push(
            &mut record,
            attribute::JOURNEY_STAGE_HEARTBEAT_SEQUENCE,
            i64::try_from(beat).unwrap_or(i64::MAX),
        );
        push(&mut record, attribute::JOURNEY_STAGE_HEARTBEAT_INTERVAL, interval.as_secs_f64());
        push(&mut record, attribute::JOURNEY_STAGE_IDLE, idle.as_secs_f64());
        record
    }

    /// The stage span itself; the queue adds the number. Its length is measured by the monotonic clock.
    pub(super) fn end(&self, ending: Ending) -> SpanRecord<'static> {
        let mut record = self.record(Signal::End);
        record.end_ns = self.start_ns.saturating_add(clock::nanos(self.started.elapsed()));
        push(&mut record, attribute::JOURNEY_STAGE_OUTCOME, ending.outcome.as_str());
        if let Some(error_type) = ending.error_type {
            record.attributes.push(Attribute::new(attribute::ERROR_TYPE, error_type.into_owned()));
            record.status = SpanStatus::Error { description: ending.description.into() };
        }
        record.links.clone_from(&self.origin.links);
        record
    }

    /// A zero-length child of the stage span.
    fn marker(&self, signal: Signal, at_ns: u64) -> SpanRecord<'static> {
        let stage_span = self.record(signal);
        SpanRecord {
            span_id: ids::random_span_id(),
            parent_span_id: Some(stage_span.span_id),
            start_ns: at_ns,
            end_ns: at_ns,
            ..stage_span
        }
    }

    /// The stage span with the attributes that all three signals share, and the ids known by now.
    fn record(&self, signal: Signal) -> SpanRecord<'static> {
        SpanRecord {
            trace_id: self.origin.trace_id,
            span_id: self.origin.span_id,
            parent_span_id: self.origin.parent_span_id,
            name: format!("stage {}", self.work.stage).into(),
            kind: SpanKind::Internal,
            start_ns: self.start_ns,
            end_ns: self.start_ns,
            flags: self.origin.flags,
            trace_state: self.origin.trace_state.clone().into(),
            attributes: self.attributes(signal),
            links: vec![],
            status: SpanStatus::Unset,
        }
    }

    fn attributes(&self, signal: Signal) -> Vec<Attribute<'static>> {
        let Work { stage, attempt, status, cell, .. } = &self.work;
        let mut attributes = Vec::with_capacity(16);
        attributes.push(Attribute::new(attribute::JOURNEY_SIGNAL, signal.as_str()));
        attributes.push(Attribute::new(attribute::JOURNEY_STAGE_NAME, stage.to_string()));
        attributes.push(Attribute::new(attribute::JOURNEY_STAGE_ATTEMPT, i64::from(*attempt)));
        attributes.push(Attribute::new(attribute::JOURNEY_HEAD_SAMPLED, self.origin.flags & 1 == 1));
        attributes.extend(cell.ids().map(|(key, id)| Attribute::new(key.attribute(), id.to_string())));
        if cell.has_conflict() {
            attributes.push(Attribute::new(attribute::JOURNEY_CONFLICT, true));
        }
        let facets = cell.facets();
        attributes.extend(
            facets.iter().map(|facet| Attribute::new(facet.key.to_string(), facet.value.to_string())),
        );
        if let Some((from, to)) = status {
            let from = from.iter().map(|from| Attribute::new(attribute::JOURNEY_STATUS_FROM, from.clone()));
            attributes.extend(from);
            attributes.push(Attribute::new(attribute::JOURNEY_STATUS_TO, to.clone()));
        }
        for (key, bits) in [
            (attribute::JOURNEY_STAGE_PROGRESS, &self.life.progress),
            (attribute::JOURNEY_STAGE_SIZE, &self.life.size),
        ] {
            let number = f64::from_bits(bits.load(Relaxed));
            if !number.is_nan() {
                attributes.push(Attribute::new(key, number));
            }
        }
        attributes
    }
}

fn push(
    record: &mut SpanRecord<'static>,
    key: &'static str,
    value: impl Into<journey_model::Value<'static>>,
) {
    record.attributes.push(Attribute::new(key, value));
}
