//! Which of the things that are slow at one time explain the others.
//!
//! A fault that sits in one value of one facet shows in many places: in values of other facets that the same spans
//! carry, and in the whole stage. What is told is the most general set of spans that is slow throughout and holds at
//! least 80 % of the excess; excess is log duration above the usual median, so that one outlier explains nothing.

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

/// Explains. `whole`: since when the series as a whole is slow, and its usual median.
pub(super) fn explain(recent: &Recent, whole: Option<(Nanos, Bucket)>, suspects: &[Suspect]) -> Explanation {
    let samples: Vec<&RecentSample> = recent.iter().collect();
    let sets: Vec<Set> = suspects.iter().map(|suspect| Set::of(suspect, &samples)).collect();
    let chosen = choose(&sets);
    let Some(whole) = whole else {
        // One value that nearly all spans have is the series itself, and that will say so.
        let is_partial = |at: &usize| {
            let since = samples.iter().filter(|sample| sample.at_ns >= suspects[*at].since_ns);
            sets[*at].len() as f64 <= NEARLY_ALL * since.count() as f64
        };
        let told = chosen.into_iter().filter(is_partial);
        return Explanation { is_whole: false, suspects: narrow(told, &sets, suspects, &samples) };
    };
    if explains_whole(&chosen, &sets, whole, &samples) {
        let told = chosen.into_iter();
        return Explanation { is_whole: false, suspects: narrow(told, &sets, suspects, &samples) };
    }
    Explanation { is_whole: true, suspects: Vec::new() }
}

/// The samples of one suspect, each with its excess.
#[derive(Debug)]
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
fn choose(sets: &[Set]) -> Vec<usize> {
    let mut left: Vec<(usize, Set)> = sets.iter().map(|set| set.without(&Set(vec![None; set.0.len()]))).enumerate().collect();
    let mut chosen = Vec::new();
    while let Some(best) = best(&left) {
        let at = left[best].0;
        chosen.push(at);
        left = left
            .into_iter()
            .filter(|(other, _)| *other != at)
            .map(|(other, set)| (other, set.without(&sets[at])))
            // What the chosen one explains of it is no news.
            .filter(|(other, rest)| rest.len() > 0 && rest.excess() > (1.0 - MOST) * sets[*other].excess())
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

/// Whether few values explain a slow series: outside of them, in a good part of the spans, all is as usual.
fn explains_whole(chosen: &[usize], sets: &[Set], whole: (Nanos, Bucket), samples: &[&RecentSample]) -> bool {
    let (since_ns, usual) = whole;
    let excess = |sample: &&RecentSample| {
        (sample.at_ns >= since_ns).then(|| sample.bucket.log_ratio_to(usual))
    };
    let all = Set(samples.iter().map(excess).collect());
    let rest = chosen.iter().fold(all.without(&Set(vec![None; samples.len()])), |rest, at| rest.without(&sets[*at]));
    (1..=VALUES_TOGETHER_MAX).contains(&chosen.len())
        && rest.len() as f64 >= (1.0 - WHOLE) * all.len() as f64
        && rest.excess() <= (1.0 - MOST) * all.excess()
        && rest.mean() <= all.mean() / 4.0
}

/// Looks for pairs: a value of another facet that holds nearly all the excess of a chosen one.
fn narrow(
    chosen: impl Iterator<Item = usize>,
    sets: &[Set],
    suspects: &[Suspect],
    samples: &[&RecentSample],
) -> Vec<(usize, Option<(u8, Slot)>)> {
    let within = |at: usize| {
        let (set, suspect) = (&sets[at], &suspects[at]);
        let members = samples.iter().zip(&set.0).filter(|(_, excess)| excess.is_some());
        let mut values: Vec<(u8, Slot)> = members
            .flat_map(|(sample, _)| sample.slots.iter().enumerate().map(|(facet, slot)| (facet as u8, *slot)))
            .filter(|(facet, slot)| *facet != suspect.facet && *slot != ABSENT)
            .collect();
        values.sort_unstable();
        values.dedup();
        let pair = |(facet, slot): (u8, Slot)| {
            let of_value = Suspect { facet, slot, ..*suspect };
            ((facet, slot), set.with(&Set::of(&of_value, samples)))
        };
        let is_all = |pair: &Set| {
            let rest = set.without(pair);
            pair.len() >= PAIR_MIN
                && pair.len() as f64 <= WHOLE * set.len() as f64
                && pair.explains(set)
                && rest.mean() <= pair.mean() / 4.0
        };
        let pairs = values.into_iter().map(pair).filter(|(_, pair)| is_all(pair));
        pairs.min_by_key(|(_, pair)| usize::MAX - pair.len()).map(|(value, _)| value)
    };
    chosen.map(|at| (at, within(at))).collect()
}

/// The share of the excess that a set must hold to explain it.
const MOST: f64 = 0.8;
/// The share of the spans up to which a part is a part.
const WHOLE: f64 = 0.75;
/// The share of the spans from which on one value is the series itself.
const NEARLY_ALL: f64 = 0.9;
/// How many values may stand for a slow series.
const VALUES_TOGETHER_MAX: usize = 2;
/// Spans that a pair needs.
const PAIR_MIN: usize = 8;
