//! The places of a series: everywhere, or where a facet has one value; what is up there, and what of it is to be told.

use std::collections::BTreeSet;

use super::alarm::Alarm;
use super::cell::Cell;
use super::config::TrendConfig;
use super::explain::{MOST, Suspect, explain};
use super::facets::{Facet, OTHER, Slot};
use super::failures::Failed;
use super::finding::Basis;
use super::peers::Slow;
use super::recent::RecentSample;
use super::series::{Series, used};
use crate::Nanos;

/// Where in a series something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Failures, everywhere.
    Failures,
    /// Everywhere.
    Whole,
    /// In one slot of one facet.
    Slot(u8, Slot),
}

impl Series {
    /// What is to be told now: the places, and the value of another facet that narrows one down.
    pub(super) fn explained(&self, config: &TrendConfig) -> Vec<(Place, Option<(u8, Slot)>)> {
        let usual = |cell: &Cell| cell.usual(Some(self.whole.baseline()), &config.change);
        let suspect = |place: Place| {
            let Place::Slot(facet, slot) = place else { return None };
            let cell = self.cell(place)?;
            let (since_ns, usual) = match (&cell.alarm, self.slow_peer(place)) {
                (Some(alarm), _) => (alarm.since_ns, usual(cell)?),
                (None, Some(_)) => (0, self.whole.baseline().median()?),
                (None, None) => return None,
            };
            Some(Suspect { facet, slot, since_ns, usual })
        };
        let suspects: Vec<Suspect> = self.places().filter_map(suspect).collect();
        let whole = self.whole.alarm.as_ref().map(|alarm| alarm.since_ns);
        let explanation =
            explain(&self.recent, whole.zip(usual(&self.whole)), &suspects, config.change.ratio.ln());
        let told = explanation.suspects.into_iter();
        let told = told.map(|(at, within)| (Place::Slot(suspects[at].facet, suspects[at].slot), within));
        // What was slower than its peers before the whole became slow still is.
        let before =
            self.told.keys().copied().filter(|place| explanation.is_whole && self.is_slow_anyway(*place));
        let whole = explanation.is_whole.then_some((Place::Whole, None));
        let failures = self.failures.alarm.as_ref();
        let failures = failures.map(|alarm| (Place::Failures, self.failing_within(alarm.since_ns)));
        told.chain(before.map(|place| (place, None))).chain(whole).chain(failures).collect()
    }

    /// The alarm that is up at a place.
    pub(super) fn alarm(&self, place: Place) -> Option<&Alarm> {
        match place {
            Place::Failures => self.failures.alarm.as_deref(),
            place => self.cell(place)?.alarm.as_deref(),
        }
    }

    /// What is told of a value against the others of its facet.
    pub(super) fn slow_peer(&self, place: Place) -> Option<&Slow> {
        let Place::Slot(facet, slot) = place else { return None };
        self.facets[usize::from(facet)].values.get(usize::from(slot))?.peer.slow()
    }

    /// Whether it is told as slower than its peers, while the whole is slow and explains its own alarm.
    pub(super) fn is_slow_anyway(&self, place: Place) -> bool {
        let is_told = self.told.get(&place).is_some_and(|finding| finding.basis == Basis::Peers);
        is_told && self.slow_peer(place).is_some() && self.whole.alarm.is_some()
    }

    /// The cell of a place.
    pub(super) fn cell(&self, place: Place) -> Option<&Cell> {
        match place {
            Place::Failures => None,
            Place::Whole => Some(&self.whole),
            Place::Slot(facet, OTHER) => self.facets[usize::from(facet)].other.as_deref(),
            Place::Slot(facet, slot) => {
                self.facets[usize::from(facet)].values.get(usize::from(slot)).map(|value| &value.cell)
            }
        }
    }

    /// How many orders are among the last samples of a place.
    pub(super) fn orders(&self, place: Place) -> usize {
        let is_in = |sample: &&RecentSample| match place {
            Place::Slot(facet, slot) => sample.slots[usize::from(facet)] == slot,
            Place::Failures | Place::Whole => true,
        };
        let mut journeys: Vec<u32> = self.recent.iter().filter(is_in).map(|sample| sample.journey).collect();
        journeys.sort_unstable();
        journeys.dedup();
        journeys.len()
    }

    /// The value that nearly all of the last failures have, and that by no chance. The last half of them counts: where
    /// failures are rare, the first ones since the change may be the usual ones.
    fn failing_within(&self, since_ns: Nanos) -> Option<(u8, Slot)> {
        let all: Vec<&Failed> = self.failures.failed().collect();
        let last = &all[all.len() / 2..];
        let done: Vec<&RecentSample> = self.recent.iter().filter(|sample| sample.at_ns >= since_ns).collect();
        let chance = |(facet, slot): (u8, Slot)| {
            let at = usize::from(facet);
            let with = last.iter().filter(|failed| failed.slots[at] == slot).count();
            let of_done = done.iter().filter(|sample| sample.slots[at] == slot).count();
            let share = of_done as f64 / done.len().max(1) as f64;
            // As many ways to choose those with it, times the chance that all of those have it.
            let factor = |step: usize| share * (last.len() - with + step) as f64 / step as f64;
            let is_most = with as f64 >= MOST * last.len() as f64;
            is_most.then(|| ((facet, slot), (1..=with).map(factor).product::<f64>()))
        };
        let values: BTreeSet<(u8, Slot)> = last.iter().flat_map(|failed| used(&failed.slots)).collect();
        let least = values.into_iter().filter_map(chance).min_by(|a, b| a.1.total_cmp(&b.1));
        least.filter(|(_, chance)| *chance < CHANCE_MAX).map(|(value, _)| value)
    }

    /// Everything that may be under suspicion, facets in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let slots = |(at, facet): (usize, &Facet)| {
            let facet_at = at as u8;
            let other = facet.other.is_some().then_some(OTHER);
            (0..facet.values.len() as Slot).chain(other).map(move |slot| Place::Slot(facet_at, slot))
        };
        std::iter::once(Place::Whole).chain(self.facets.iter().enumerate().flat_map(slots))
    }
}

/// A value that most failures have by less than this chance is named: a hint to people, not a verdict.
const CHANCE_MAX: f64 = 0.03;
