//! Which of the things that are slow at one time explain the others.
//!
//! A fault that sits in one value of one facet shows in many places: in values of other facets that the same spans
//! carry, and in the whole stage. What is told is the most general set of spans that is slow throughout and holds at
//! least 80 % of the excess; excess is log duration above the usual median, so that one outlier explains nothing.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::facets::{ABSENT, Slot};
use super::recent::{Recent, RecentSample};
use crate::Nanos;

/// A value of a facet that is slow by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Suspect {
    pub(super) facet: u8,
    pub(super) slot: Slot,
    /// Since when.
    pub(super) since_ns: Nanos,
    /// Its usual median.
    pub(super) usual: Bucket,
}

/// What is to be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Explanation {
    /// The series as a whole.
    pub(super) is_whole: bool,
    /// Places in the list of suspects, and the value of another facet that narrows it down.
    pub(super) suspects: Vec<(usize, Option<(u8, Slot)>)>,
}

/// Explains. `whole`: since when the series as a whole is slow, and its usual median. `slow`: the log ratio from which
/// on something matters at all.
pub(super) fn explain(
    recent: &Recent,
    whole: Option<(Nanos, Bucket)>,
    suspects: &[Suspect],
    slow: f64,
) -> Explanation {
    let samples: Vec<&RecentSample> = recent.iter().collect();
    let sets: Vec<Set> = suspects.iter().map(|suspect| Set::of(suspect, &samples)).collect();
    let chosen = choose(&sets, slow);
    let Some(whole) = whole else {
        // One value that nearly all spans have is the series itself, and that will say so.
        let is_partial = |at: &usize| {
            let since = samples.iter().filter(|sample| sample.at_ns >= suspects[*at].since_ns);
            sets[*at].len() as f64 <= NEARLY_ALL * since.count() as f64
        };
        let told = chosen.into_iter().filter(is_partial);
        return Explanation { is_whole: false, suspects: narrow(told, &sets, suspects, &samples) };
    };
    // The fewest values outside of which nothing matters, if there are any.
    let few = (1..=VALUES_TOGETHER_MAX.min(chosen.len()))
        .map(|count| &chosen[..count])
        .find(|few| explains_whole(few, &sets, whole, &samples, slow));
    let told = few.map(|few| narrow(few.iter().copied(), &sets, suspects, &samples));
    Explanation { is_whole: told.is_none(), suspects: told.unwrap_or_default() }
}

/// The samples of one suspect, each with its excess.
#[derive(Debug, Clone)]
struct Set(Vec<Option<f64>>);

impl Set {
    fn of(suspect: &Suspect, samples: &[&RecentSample]) -> Self {
        let excess = |sample: &&RecentSample| {
            let is_in =
                sample.slots[usize::from(suspect.facet)] == suspect.slot && sample.at_ns >= suspect.since_ns;
            is_in.then(|| sample.bucket.log_ratio_to(suspect.usual))
        };
        Self(samples.iter().map(excess).collect())
    }

    fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    fn excess(&self) -> f64 {
        self.0.iter().flatten().sum()
    }

    /// Mean excess; 0 of nothing.
    fn mean(&self) -> f64 {
        self.excess() / self.len().max(1) as f64
    }

    /// Whether it is slow beyond doubt: enough to matter, and by many standard errors.
    fn is_slow(&self, slow: f64) -> bool {
        let mean = self.mean();
        mean >= slow && mean >= ERRORS * self.error()
    }

    /// The standard error of the mean excess.
    fn error(&self) -> f64 {
        let (spans, mean) = ((self.len() as f64).max(1.0), self.mean());
        let squares: f64 = self.0.iter().flatten().map(|excess| (excess - mean) * (excess - mean)).sum();
        squares.sqrt() / spans
    }

    fn without(&self, other: &Set) -> Set {
        let keep = |(own, other): (&Option<f64>, &Option<f64>)| own.filter(|_| other.is_none());
        Set(self.0.iter().zip(&other.0).map(keep).collect())
    }

    fn with(&self, other: &Set) -> Set {
        let keep = |(own, other): (&Option<f64>, &Option<f64>)| own.filter(|_| other.is_some());
        Set(self.0.iter().zip(&other.0).map(keep).collect())
    }

    /// Whether the part of it outside of `other` is slow too, or too small to matter.
    fn is_slow_beyond(&self, other: &Set) -> bool {
        let beyond = self.without(other);
        beyond.len() as f64 <= (1.0 - MOST) * self.len() as f64
            || beyond.mean() >= self.with(other).mean() / 2.0
    }

    fn explains(&self, other: &Set) -> bool {
        self.excess() >= MOST * other.excess()
    }
}

/// The sets that together explain all: the best one, then the best of what it leaves over, and so on.
fn choose(sets: &[Set], slow: f64) -> Vec<usize> {
    let mut left: Vec<(usize, Set)> = sets.iter().cloned().enumerate().collect();
    let mut chosen = Vec::new();
    while let Some(best) = best(&left) {
        let at = left[best].0;
        chosen.push(at);
        left = left
            .into_iter()
            .filter(|(other, _)| *other != at)
            .map(|(other, set)| (other, set.without(&sets[at])))
            // What the chosen one explains of it is no news.
            .filter(|(other, rest)| {
                rest.is_slow(slow) && rest.excess() > (1.0 - MOST) * sets[*other].excess()
            })
            .collect();
    }
    chosen
}

/// Of the sets that explain as much as the best one, the most general that is slow throughout.
fn best(left: &[(usize, Set)]) -> Option<usize> {
    let most = left.iter().max_by(|a, b| a.1.excess().total_cmp(&b.1.excess()))?;
    let equal: Vec<usize> = (0..left.len()).filter(|at| left[*at].1.explains(&most.1)).collect();
    let is_throughout = |at: &&usize| {
        let own = &left[**at].1;
        equal.iter().all(|other| *other == **at || own.is_slow_beyond(&left[*other].1))
    };
    // The order of the suspects is the order of the facets: of equal ones the first.
    let general = equal.iter().filter(is_throughout).min_by_key(|at| usize::MAX - left[**at].1.len());
    let narrow = || equal.iter().max_by(|a, b| left[**a].1.mean().total_cmp(&left[**b].1.mean()));
    general.or_else(narrow).copied()
}

/// Whether few values explain a slow series: outside of them, in a good part of the spans, nothing matters.
fn explains_whole(
    chosen: &[usize],
    sets: &[Set],
    (since_ns, usual): (Nanos, Bucket),
    samples: &[&RecentSample],
    slow: f64,
) -> bool {
    let excess =
        |sample: &&RecentSample| (sample.at_ns >= since_ns).then(|| sample.bucket.log_ratio_to(usual));
    let all = Set(samples.iter().map(excess).collect());
    let rest = chosen.iter().fold(all.clone(), |rest, at| rest.without(&sets[*at]));
    let few = all.without(&rest);
    rest.len() as f64 >= (1.0 - WHOLE) * all.len() as f64
        && rest.mean() < slow.min(all.mean() / 2.0)
        // Soon after the change a part looks usual by chance.
        && few.mean() - rest.mean() >= ERRORS * few.error().hypot(rest.error())
}

/// Looks for pairs: a value of another facet that holds nearly all the excess of a chosen one.
fn narrow(
    chosen: impl Iterator<Item = usize>,
    sets: &[Set],
    suspects: &[Suspect],
    samples: &[&RecentSample],
) -> Vec<(usize, Option<(u8, Slot)>)> {
    chosen.map(|at| (at, within(&sets[at], suspects[at].facet, samples))).collect()
}

fn within(set: &Set, facet: u8, samples: &[&RecentSample]) -> Option<(u8, Slot)> {
    let mut pairs: BTreeMap<(u8, Slot), (usize, f64)> = BTreeMap::new();
    for (sample, excess) in
        samples.iter().zip(&set.0).filter_map(|(sample, excess)| Some((sample, (*excess)?)))
    {
        for (other, slot) in (0u8..).zip(sample.slots) {
            if other != facet && slot != ABSENT {
                let (spans, sum) = pairs.entry((other, slot)).or_default();
                (*spans, *sum) = (*spans + 1, *sum + excess);
            }
        }
    }
    let (spans, all) = (set.len() as f64, set.excess());
    let is_all = |(_, (own, excess)): &(_, (usize, f64))| {
        let own_spans = *own as f64;
        *own >= PAIR_MIN
            && own_spans <= WHOLE * spans
            && *excess >= MOST * all
            && (all - excess) / (spans - own_spans) <= excess / own_spans / 4.0
    };
    let general = pairs.into_iter().filter(is_all).min_by_key(|(_, (spans, _))| usize::MAX - spans);
    general.map(|(pair, _)| pair)
}

/// The share of the excess that a set must hold to explain it.
pub(super) const MOST: f64 = 0.8;
/// The share of the spans up to which a part is a part.
const WHOLE: f64 = 0.75;
/// The share of the spans from which on one value is the series itself.
const NEARLY_ALL: f64 = 0.9;
/// Standard errors from which on what one suspect leaves over of another is news.
const ERRORS: f64 = 4.0;
/// How many values may stand for a slow series.
const VALUES_TOGETHER_MAX: usize = 2;
/// Spans that a pair needs.
const PAIR_MIN: usize = 8;
