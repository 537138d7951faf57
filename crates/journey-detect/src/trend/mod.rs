//! Trends: what became slow or fails more often, in a stage, before it, or only where a facet has one value.
//!
//! In come [`Sample`]s of attempts that ended and the event time up to which all is known. Out come
//! [`TrendChange`]s: findings raised by a warning, confirmed by a page, cleared. Nothing here looks at one order, at a
//! clock, or at chance: the same samples give the same findings.
//!
//! # How
//! * Samples wait in event order for [`TrendConfig::lateness_ns`]; a later one joins the baseline of its day only.
//! * Each span, gap, queue and call has one series, with a cell for the whole and for each value of each facet.
//! * A cell scores a value by its rank in the cell's own past and sums the scores up (CUSUM). The sum warns; the values
//!   since the change, compared by ranks, confirm, and then it pages. While an alarm is up nothing is learnt.
//! * A value is also compared with the other values of its facet, which needs no past; that only warns.
//! * What is told is the most general set of spans that explains the excess; see [`TrendFinding::within`] for pairs.
//! * Failures are counted by order, and their rate watched the same way.
//!
//! # Wiring
//! Give each attempt that ended to [`Trends::observe`] once, [`Trends::amend`] it while its journey is still changing,
//! and call [`Trends::advance`] with the event time up to which all is known. After a restart, observe what was stored
//! of the last [`TrendConfig::baseline_days`] and drop the changes: the state is a function of the samples.
//!
//! # Bounds
//! [`crate::limits`] names them all: series, keys, values, cells, days, values since a change, samples that wait.
//!
//! ```
//! use journey_detect::AttemptId;
//! use journey_detect::trend::{Sample, TrendConfig, Trends};
//! use journey_model::{SpanId, TraceId};
//!
//! let mut trends = Trends::new(TrendConfig::default().with_facets(["material"]));
//! for minute in 0..500u64 {
//!     let is_slow = minute >= 400;
//!     let jitter = minute * 7_919 % 100;
//!     let id = (TraceId::from_bytes([1; 16]), SpanId::from_bytes((minute + 1).to_be_bytes()));
//!     let (Some(trace_id), Some(span_id)) = id else { continue };
//!     trends.observe(&Sample {
//!         id: AttemptId { trace_id, span_id },
//!         at_ns: minute * 60_000_000_000,
//!         stage: "price.final",
//!         service: "mes-api",
//!         journey: "order 7",
//!         duration_ns: (1_000 + jitter * 10) * 1_000_000 * if is_slow { 3 } else { 1 },
//!         failed: false,
//!         size: None,
//!         waits: &[],
//!         facets: &[("material", "PLA")],
//!     });
//! }
//! let changes = trends.advance(u64::MAX);
//! assert_eq!(changes[0].finding().key.alert.as_str(), "StageSlow");
//! ```

mod alarm;
mod baseline;
mod bucket;
mod cell;
mod config;
mod explain;
mod facets;
mod failures;
mod finding;
mod histogram;
mod normal;
mod peers;
mod places;
mod ranks;
mod recent;
mod reorder;
mod sample;
mod season;
mod series;
mod size;
mod tell;
#[cfg(test)]
mod tests;
mod words;

use foldhash::HashMap;

pub use baseline::{Baseline, Day};
pub use bucket::Bucket;
pub use config::{Calm, ChangeRules, ErrorRules, PeerRules, TrendConfig};
pub use finding::{Basis, FacetLabel, GapFrom, TrendAlert, TrendChange, TrendFinding, TrendKey};
pub use histogram::Histogram;
pub use ranks::Comparison;
pub use sample::{Sample, Since, Wait};

use crate::limits::{FACET_KEYS_MAX, SERIES_MAX};
use crate::{AttemptId, Nanos};
use normal::Scores;
use reorder::Reorder;
use sample::Held;
use series::{Measure, Measured, Series, SeriesKey, Shared};
use words::Words;

/// The trend detectors.
#[derive(Debug, Clone)]
pub struct Trends {
    config: TrendConfig,
    scores: Scores,
    words: Words,
    waiting: Reorder,
    series: Vec<Series>,
    places: HashMap<SeriesKey, usize>,
    /// Samples before this have been taken.
    taken_until_ns: Nanos,
    /// Hour of event time at which silent alarms were last looked for.
    hour: u64,
    cells: usize,
    counters: TrendCounters,
}

/// What the trend detectors counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrendCounters {
    /// Samples taken in event order.
    pub samples: u64,
    /// Samples that came later than [`TrendConfig::lateness_ns`]: they joined their day's baseline.
    pub late: u64,
    /// Samples taken before their time because [`crate::limits::SAMPLES_WAITING_MAX`] wait.
    pub hurried: u64,
    /// Values not followed because there are [`SERIES_MAX`] series.
    pub series_full: u64,
}

impl Trends {
    /// Detectors that know nothing yet.
    pub fn new(mut config: TrendConfig) -> Self {
        config.facets.truncate(FACET_KEYS_MAX);
        config.change = config.change.asking_for(config.facets.len());
        Self {
            config,
            scores: Scores::new(),
            words: Words::default(),
            waiting: Reorder::default(),
            series: Vec::new(),
            places: HashMap::default(),
            taken_until_ns: 0,
            hour: 0,
            cells: 0,
            counters: TrendCounters::default(),
        }
    }

    /// Takes what is known of an attempt that ended. While the sample waits, a later one of the same attempt takes its
    /// place; see [`Trends::amend`].
    pub fn observe(&mut self, sample: &Sample<'_>) {
        let held = Held::new(sample, &self.config.facets, &mut self.words);
        if sample.at_ns < self.taken_until_ns && !self.waiting.holds(sample.id) {
            self.counters.late += 1;
            self.take_late(sample.at_ns, &held);
            held.release(&mut self.words);
            return;
        }
        if let Some(old) = self.waiting.put(sample.at_ns, sample.id, held) {
            old.release(&mut self.words);
        }
    }

    /// Takes what else became known of an attempt that was observed before: an inherited facet, an earlier stage.
    /// Nothing happens if its sample waits no more.
    pub fn amend(&mut self, sample: &Sample<'_>) {
        if self.waiting.holds(sample.id) {
            self.observe(sample);
        }
    }

    /// Judges all samples that ended more than the lateness before `now_event_ns`, and says what changed.
    /// [`Nanos::MAX`] ends a replay: all are judged, and any further sample is late.
    pub fn advance(&mut self, now_event_ns: Nanos) -> Vec<TrendChange> {
        let until_ns = now_event_ns.saturating_sub(self.config.lateness_ns);
        let mut changes = Vec::new();
        while self.waiting.is_over_full()
            && let Some((at_ns, held)) = self.waiting.next(Nanos::MAX)
        {
            self.counters.hurried += 1;
            self.taken_until_ns = self.taken_until_ns.max(at_ns);
            self.take(at_ns, &held, &mut changes);
        }
        let last_ns = if now_event_ns == Nanos::MAX { Nanos::MAX } else { until_ns.saturating_sub(1) };
        while let Some((at_ns, held)) = self.waiting.next(last_ns) {
            self.take(at_ns, &held, &mut changes);
        }
        self.taken_until_ns = self.taken_until_ns.max(until_ns);
        changes
    }

    /// The findings that stand.
    pub fn standing(&self) -> impl Iterator<Item = &TrendFinding> {
        self.series.iter().flat_map(|series| series.told.values())
    }

    /// What was counted.
    pub fn counters(&self) -> TrendCounters {
        self.counters
    }

    /// Whether a sample of this attempt waits for earlier ones.
    pub fn is_waiting(&self, id: AttemptId) -> bool {
        self.waiting.holds(id)
    }

    /// Samples before this moment of event time were judged, in nanoseconds since the Unix epoch.
    pub fn taken_until_ns(&self) -> Nanos {
        self.taken_until_ns
    }

    /// The event time from which on a sample that waits can be judged.
    pub fn next_ns(&self) -> Option<Nanos> {
        let first_ns = self.waiting.first_ns()?;
        Some(first_ns.saturating_add(self.config.lateness_ns).saturating_add(1))
    }

    /// Samples that wait for earlier ones.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The baselines of whole stages and waits: stage, what it is measured from (`None`: the stage itself), and the
    /// usual durations by day.
    pub fn baselines(&self) -> impl Iterator<Item = (&str, Option<GapFrom>, &Baseline)> {
        self.series.iter().map(|series| {
            (
                self.words.text(series.key.stage),
                tell::from(&self.words, series.key.measure),
                series.whole.days(),
            )
        })
    }

    /// Memory behind it, in bytes, without the samples that wait.
    pub fn heap_bytes(&self) -> usize {
        let series = self.series.iter().map(|series| size_of::<Series>() + series.heap_bytes());
        series.sum::<usize>() + self.words.len() * 64
    }

    fn take(&mut self, at_ns: Nanos, held: &Held, changes: &mut Vec<TrendChange>) {
        self.counters.samples += 1;
        self.expire(at_ns, changes);
        let key = |measure| SeriesKey { stage: held.stage, service: held.service, measure };
        if let Some(at) = self.series(key(Measure::Span)) {
            let measured = measured(at_ns, held, held.duration_ns, held.size);
            let (series, mut shared) = self.parts(at);
            let changed = series.take_outcome(&measured, held.failed, &mut shared);
            self.tell_if(changed, at, at_ns, changes);
        }
        for (measure, duration_ns, size) in measures(held) {
            let Some(at) = self.series(key(measure)) else { continue };
            let (series, mut shared) = self.parts(at);
            let changed = series.take(&measured(at_ns, held, duration_ns, size), &mut shared);
            let changed = changed || self.series[at].is_patient();
            self.tell_if(changed, at, at_ns, changes);
        }
        held.release(&mut self.words);
    }

    fn take_late(&mut self, at_ns: Nanos, held: &Held) {
        for (measure, duration_ns, size) in measures(held) {
            let key = SeriesKey { stage: held.stage, service: held.service, measure };
            if let Some(at) = self.places.get(&key) {
                self.series[*at].take_late(&measured(at_ns, held, duration_ns, size));
            }
        }
    }

    fn parts(&mut self, at: usize) -> (&mut Series, Shared<'_>) {
        let Self { config, scores, words, cells, series, .. } = self;
        (&mut series[at], Shared { config, scores, words, cells })
    }

    fn series(&mut self, key: SeriesKey) -> Option<usize> {
        if let Some(at) = self.places.get(&key) {
            return Some(*at);
        }
        if self.series.len() == SERIES_MAX {
            self.counters.series_full += 1;
            return None;
        }
        self.words.keep(key.stage);
        self.words.keep(key.service);
        if let Measure::Gap(since) = key.measure {
            self.words.keep(since.word());
        }
        let stage = self.words.text(key.stage);
        let waits_for_people =
            key.measure != Measure::Span && self.config.people.iter().any(|known| known == stage);
        let patience_ns = if waits_for_people { self.config.patience_ns } else { 0 };
        self.places.insert(key, self.series.len());
        self.series.push(Series::new(key, self.config.facets.len(), patience_ns));
        Some(self.series.len() - 1)
    }

    /// Once an hour of event time, so that it does not depend on when the caller looks.
    fn expire(&mut self, now: Nanos, changes: &mut Vec<TrendChange>) {
        let hour = now / NANOS_PER_HOUR;
        if hour <= self.hour {
            return;
        }
        self.hour = hour;
        for at in 0..self.series.len() {
            let changed = !self.series[at].told.is_empty() && self.series[at].expire(now, &self.config);
            self.tell_if(changed, at, now, changes);
        }
    }

    fn tell_if(&mut self, changed: bool, at: usize, now: Nanos, changes: &mut Vec<TrendChange>) {
        if changed {
            let told = tell::tell(&mut self.series[at], &self.config, &self.words, now);
            for mut change in told {
                self.set_cause(at, &mut change);
                changes.push(change);
            }
        }
    }

    /// A finding is of one cause with those of its alert that stand and changed at the same time.
    fn set_cause(&mut self, at: usize, change: &mut TrendChange) {
        let TrendChange::Raised(raised) = &*change else { return };
        // The change of each had begun by the time the other one was noticed.
        let came_along = |other: &&TrendFinding| {
            other.key.alert == raised.key.alert
                && other.key != raised.key
                && raised.since_ns <= other.warned_at_ns
                && other.since_ns <= raised.warned_at_ns
        };
        let same = self.standing().filter(came_along);
        let Some(oldest_ns) = same.map(|other| other.cause_ns).min() else { return };
        let cause_ns = oldest_ns.min(raised.cause_ns);
        let key = raised.key.clone();
        change.finding_mut().cause_ns = cause_ns;
        if let Some(told) = self.series[at].told.values_mut().find(|told| told.key == key) {
            told.cause_ns = cause_ns;
        }
    }
}

fn measured(at_ns: Nanos, held: &Held, duration_ns: Nanos, size: Option<f64>) -> Measured<'_> {
    Measured { at_ns, journey: held.journey, duration_ns, size, facets: &held.facets }
}

/// What a sample measures: a failed attempt nothing, each with the size of its work if that matters.
fn measures(held: &Held) -> impl Iterator<Item = (Measure, Nanos, Option<f64>)> + '_ {
    let span = (Measure::Span, held.duration_ns, held.size);
    let waits = held.waits.iter().map(|(since, wait_ns)| (Measure::Gap(*since), *wait_ns, None));
    std::iter::once(span).chain(waits).filter(|_| !held.failed)
}

const NANOS_PER_HOUR: Nanos = 3_600_000_000_000;
