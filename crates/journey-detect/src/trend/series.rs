//! One series: the durations of one stage, or the waits before it, as a whole and by facet.

use std::collections::BTreeMap;

use super::baseline::Day;
use super::bucket::Bucket;
use super::cell::{Cell, Step, Value};
use super::config::TrendConfig;
use super::facets::{ABSENT, Facet, Placed, Slot};
use super::failures::{Failed, FailureStep, Failures};
use super::finding::TrendFinding;
use super::normal::Scores;
use super::places::Place;
use super::ranks::false_discovery;
use super::recent::{NO_SLOTS, Recent, RecentSample, Slots};
use super::sample::HeldSince;
use super::season::Season;
use super::size::SizeTrend;
use super::words::{Word, Words};
use crate::Nanos;
use crate::limits::FACET_CELLS_MAX;

/// What a series measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Measure {
    /// What passes before the stage begins.
    Gap(HeldSince),
    /// The stage itself.
    Span,
}

/// What identifies a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeriesKey {
    pub(super) stage: Word,
    pub(super) service: Word,
    pub(super) measure: Measure,
}

/// What all series share.
pub(super) struct Shared<'a> {
    pub(super) config: &'a TrendConfig,
    pub(super) scores: &'a Scores,
    pub(super) words: &'a mut Words,
    /// Cells of facets in all series.
    pub(super) cells: &'a mut usize,
}

/// One duration of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured<'a> {
    pub(super) at_ns: Nanos,
    pub(super) journey: u32,
    pub(super) duration_ns: Nanos,
    pub(super) size: Option<f64>,
    pub(super) facets: &'a [(u8, Word)],
}

/// One series.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) key: SeriesKey,
    pub(super) whole: Cell,
    pub(super) facets: Vec<Facet>,
    pub(super) failures: Failures,
    /// What is told of it now.
    pub(super) told: BTreeMap<Place, TrendFinding>,
    /// How long a change must have lasted to be told.
    pub(super) patience_ns: Nanos,
    size: SizeTrend,
    season: Season,
    pub(super) recent: Recent,
}

impl Series {
    pub(super) fn new(key: SeriesKey, facets: usize, patience_ns: Nanos) -> Self {
        Self {
            key,
            whole: Cell::default(),
            facets: vec![Facet::default(); facets],
            failures: Failures::default(),
            told: BTreeMap::new(),
            patience_ns,
            size: SizeTrend::default(),
            season: Season::default(),
            recent: Recent::default(),
        }
    }

    /// Takes a duration in event order. Returns whether something is to be told anew.
    pub(super) fn take(&mut self, measured: &Measured<'_>, shared: &mut Shared<'_>) -> bool {
        let Some(bucket) = self.bucket(measured, true) else { return false };
        let value = Value { at_ns: measured.at_ns, bucket, journey: measured.journey };
        let slots = self.place(measured, shared);
        let (today, days) = (Day::of(value.at_ns), shared.config.days());
        let rules = &shared.config.change;
        let mut changed = false;
        let mut reached = Vec::new();
        let mut note = |place, step| match step {
            Step::Nothing => {}
            Step::Reached => reached.push(place),
            Step::Cleared | Step::Warned => changed = true,
        };
        for (facet, slot) in used(&slots) {
            let Some(cell) = self.facets[usize::from(facet)].cell(slot) else { continue };
            cell.turn_day(today, days);
            let step = cell.take(value, Some(&self.whole), rules, shared.scores);
            note(Place::Slot(facet, slot), step);
        }
        self.whole.turn_day(today, days);
        let was_confirmed = self.whole.alarm.as_ref().is_some_and(|alarm| alarm.paged_at_ns.is_some());
        let of_whole = self.whole.take(value, None, rules, shared.scores);
        note(Place::Whole, of_whole);
        if of_whole == Step::Cleared {
            self.end_explained(!was_confirmed);
        }
        for place in reached {
            changed |= self.confirm(place, value.at_ns, shared.config);
        }
        self.recent.push(RecentSample { at_ns: value.at_ns, journey: value.journey, bucket, slots });
        changed |= self.compare_peers(&slots, value.at_ns, shared.config);
        changed || self.is_better_known(&slots)
    }

    /// Whether so much more is known of something that is told that it may be explained better: twice the spans.
    fn is_better_known(&self, slots: &Slots) -> bool {
        let places = used(slots).map(|(facet, slot)| Place::Slot(facet, slot)).chain([Place::Whole]);
        let told = places.filter(|place| self.told.contains_key(place));
        let mut spans = told.filter_map(|place| self.alarm(place)).map(|alarm| alarm.spans);
        spans.any(|spans| spans >= EXPLAINED_AGAIN_MIN && spans.is_power_of_two())
    }

    /// Learns a duration that came too late to be judged.
    pub(super) fn take_late(&mut self, measured: &Measured<'_>) {
        let Some(bucket) = self.bucket(measured, false) else { return };
        let value = Value { at_ns: measured.at_ns, bucket, journey: measured.journey };
        self.whole.take_late(value);
        for (facet, word) in measured.facets {
            let facet = &mut self.facets[usize::from(*facet)];
            if let Some(cell) = facet.slot(*word).and_then(|slot| facet.cell(slot)) {
                cell.take_late(value);
            }
        }
    }

    /// Takes the outcome of an attempt. Returns whether something is to be told anew.
    pub(super) fn take_outcome(
        &mut self,
        measured: &Measured<'_>,
        failed: bool,
        shared: &mut Shared<'_>,
    ) -> bool {
        let Measured { at_ns, journey, .. } = *measured;
        let oldest = Day(Day::of(at_ns).0.saturating_sub(shared.config.days() - 1));
        self.failures.forget_before(oldest);
        let step = if failed {
            let slots = self.place(measured, shared);
            self.failures.take_failed(Failed { at_ns, journey, slots }, &shared.config.errors)
        } else {
            self.failures.take_done(at_ns, journey, &shared.config.errors)
        };
        step != FailureStep::Nothing
    }

    /// Ends the alarms of single values that the alarm of the whole explained: rare values are calm again much later
    /// than the whole, and what is left of a change that is over is no news.
    fn end_explained(&mut self, are_usual: bool) {
        for (at, facet) in (0u8..).zip(&mut self.facets) {
            for (slot, cell) in facet.slots_mut() {
                if !self.told.contains_key(&Place::Slot(at, slot)) {
                    cell.end_with(are_usual);
                }
            }
        }
    }

    /// Ends alarms of which nothing was heard for long. Returns whether there were any.
    pub(super) fn expire(&mut self, now: Nanos, config: &TrendConfig) -> bool {
        let was_confirmed = self.whole.alarm.as_ref().is_some_and(|alarm| alarm.paged_at_ns.is_some());
        let mut changed = self.whole.expire(now, &config.change);
        if changed {
            self.end_explained(!was_confirmed);
        }
        changed |= self.failures.expire(now, &config.errors);
        for cell in self.facets.iter_mut().flat_map(Facet::cells_mut) {
            changed |= cell.expire(now, &config.change);
        }
        changed
    }

    /// Whether something may be due to be told that was too young before.
    pub(super) fn is_patient(&self) -> bool {
        self.patience_ns > 0 && self.places().any(|place| self.alarm(place).is_some())
    }

    /// Memory behind it, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let facets = self.facets.iter().map(Facet::heap_bytes).sum::<usize>();
        self.whole.heap_bytes() + self.recent.heap_bytes() + self.season.heap_bytes() + facets
    }

    fn bucket(&mut self, measured: &Measured<'_>, may_learn: bool) -> Option<Bucket> {
        let log_ns = (measured.duration_ns.max(1) as f64).ln();
        let of_size = measured.size.map_or(Some(log_ns), |size| {
            let normalised = self.size.normalised(size.ln(), log_ns);
            // What is slow would teach a wrong slope.
            if may_learn && self.whole.alarm.is_none() {
                self.size.learn(size.ln(), log_ns);
            }
            normalised
        })?;
        if may_learn {
            let alarm = self.whole.alarm.as_deref();
            self.season.learn(measured.at_ns, of_size, alarm, self.whole.baseline());
        }
        Some(Bucket::of_log(self.season.without(measured.at_ns, of_size)))
    }

    fn place(&mut self, measured: &Measured<'_>, shared: &mut Shared<'_>) -> Slots {
        let mut slots = NO_SLOTS;
        for (facet, word) in measured.facets {
            let at = usize::from(*facet);
            let may_grow = *shared.cells < FACET_CELLS_MAX;
            slots[at] = match self.facets[at].place(*word, measured.at_ns, may_grow, shared.words) {
                Placed::At(slot) => slot,
                Placed::Instead(slot) => {
                    self.recent.reassign(at, slot);
                    slot
                }
                Placed::New(slot) => {
                    *shared.cells += 1;
                    slot
                }
                Placed::Once => ABSENT,
            };
        }
        slots
    }

    /// Compares the values since a change with the baseline. Returns whether that confirms it.
    fn confirm(&mut self, place: Place, now: Nanos, config: &TrendConfig) -> bool {
        let rules = &config.change;
        let stage = (place != Place::Whole).then_some(self.whole.baseline());
        let Some(comparison) = self.cell(place).and_then(|cell| cell.compare(stage, rules)) else {
            return false;
        };
        // All values under suspicion are tried; the other ones never were.
        let alarms = || self.places().filter(|other| *other != place).filter_map(|place| self.alarm(place));
        let others: Vec<f64> = alarms().map(|alarm| alarm.p).collect();
        let p = false_discovery(comparison.p, &others, others.len() + 1);
        let cell = match place {
            Place::Slot(facet, slot) => self.facets[usize::from(facet)].cell(slot),
            Place::Failures | Place::Whole => Some(&mut self.whole),
        };
        cell.is_some_and(|cell| cell.settle(comparison, p, now, rules))
    }

    fn compare_peers(&mut self, slots: &Slots, now: Nanos, config: &TrendConfig) -> bool {
        // Whose time a gap is cannot be said, and while the whole is slow its past says nothing.
        if self.key.measure != Measure::Span || self.whole.alarm.is_some() {
            return false;
        }
        let mut changed = false;
        for (facet, slot) in used(slots) {
            let Some(value) = self.facets[usize::from(facet)].values.get_mut(usize::from(slot)) else {
                continue;
            };
            let own = value.cell.baseline();
            if value.cell.alarm.is_none() && value.peer.is_due(own.total(), &config.peers) {
                changed |= value.peer.compare(own, self.whole.baseline(), now, &config.peers);
            }
        }
        changed
    }
}

/// The facets that a sample has, and their slots.
pub(super) fn used(slots: &Slots) -> impl Iterator<Item = (u8, Slot)> + use<> {
    let slots = *slots;
    (0u8..).zip(slots).filter(|(_, slot)| *slot != ABSENT)
}

/// Spans since a change from which on it is explained again whenever they have doubled.
const EXPLAINED_AGAIN_MIN: u32 = 32;
