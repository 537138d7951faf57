//! What the engine said in the course of a replay, kept until the report.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use journey_detect::trend::{TrendChange, TrendFinding, TrendKey};
use journey_detect::{
    Alert, AttemptId, Finding, IdentityConflict, JourneyRow, Nanos, Outputs, Storm, Verdict,
};

/// Everything that was said.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What stands of each journey, by name.
    pub(super) journeys: BTreeMap<Arc<str>, Stand>,
    /// The journeys of each stage span.
    pub(super) spans: HashMap<AttemptId, Arc<[Arc<str>]>>,
    /// Every finding, in the order in which they were raised.
    pub(super) told: Vec<Told>,
    /// Places in `told` of those that stand.
    standing: HashMap<(Alert, Box<str>), Vec<usize>>,
    /// Every trend, in the order in which they were raised, as it was at its end or is now.
    pub(super) trends: Vec<TrendFinding>,
    /// Places in `trends` of those that stand.
    standing_trends: HashMap<TrendKey, usize>,
    /// Violations of journeys that left memory: they stand, though the engine forgot them.
    pub(super) kept: Vec<Finding>,
    pub(super) conflicts: Vec<IdentityConflict>,
    /// Stages of each journey that failed again and again.
    pub(super) storms: BTreeMap<Arc<str>, Vec<Storm>>,
}

/// What stands of one journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) verdict: Verdict,
    /// Whether it has an anchor: only then it is an order.
    pub(super) is_anchored: bool,
}

/// A finding and how long it stood.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) finding: Finding,
    /// Event time when it was raised.
    pub(super) raised_ns: Nanos,
    /// Event time when it stood no more.
    pub(super) cleared_ns: Option<Nanos>,
}

impl Ledger {
    /// Notes what a look at this moment said. `has_evicted`: journeys left memory because it was full.
    pub(super) fn take(&mut self, at_ns: Nanos, outputs: Outputs, has_evicted: bool) {
        let Outputs {
            attempts,
            journeys,
            gone,
            cleared,
            raised,
            conflicts,
            conflicts_withdrawn,
            updated,
            trends,
            ..
        } = outputs;
        trends.into_iter().for_each(|change| self.change(change));
        let judged: HashSet<Arc<str>> = if has_evicted {
            journeys.iter().map(|row| row.name.clone()).chain(gone.iter().cloned()).collect()
        } else {
            HashSet::new()
        };
        for finding in cleared {
            if has_evicted && !judged.contains(&*finding.key.order) {
                self.keep(finding);
            } else {
                self.clear(at_ns, &finding);
            }
        }
        raised.into_iter().for_each(|finding| self.raise(at_ns, finding));
        updated.into_iter().for_each(|finding| self.update(finding));
        for name in gone {
            self.journeys.remove(&name);
            self.storms.remove(&name);
        }
        for row in journeys {
            let JourneyRow { name, verdict, is_anchored, storms, .. } = &*row;
            if storms.is_empty() {
                self.storms.remove(name);
            } else {
                self.storms.insert(Arc::clone(name), storms.clone());
            }
            self.journeys.insert(Arc::clone(name), Stand { verdict: *verdict, is_anchored: *is_anchored });
        }
        self.spans.extend(attempts.into_iter().map(|(attempt, names)| (attempt.id, names)));
        self.conflicts.retain(|known| !conflicts_withdrawn.contains(known));
        self.conflicts.extend(conflicts);
    }

    /// Whether this names an order: a journey whose anchor is known.
    pub(super) fn is_order(&self, name: &str) -> bool {
        self.journeys.get(name).is_some_and(|stand| stand.is_anchored)
    }

    fn raise(&mut self, at_ns: Nanos, finding: Finding) {
        let key = (finding.key.alert, finding.key.order.clone());
        self.standing.entry(key).or_default().push(self.told.len());
        self.told.push(Told { finding, raised_ns: at_ns, cleared_ns: None });
    }

    fn clear(&mut self, at_ns: Nanos, finding: &Finding) {
        let Some(place) = self.place(finding) else { return };
        self.told[place].cleared_ns = Some(at_ns);
        let key = (finding.key.alert, finding.key.order.clone());
        if let Some(places) = self.standing.get_mut(&key) {
            places.retain(|known| *known != place);
            if places.is_empty() {
                self.standing.remove(&key);
            }
        }
    }

    /// It stands on with other orders.
    fn update(&mut self, finding: Finding) {
        if let Some(place) = self.place(&finding) {
            self.told[place].finding = finding;
        }
    }

    fn change(&mut self, change: TrendChange) {
        let key = &change.finding().key;
        let place = match change {
            TrendChange::Raised(_) => {
                self.standing_trends.insert(key.clone(), self.trends.len());
                None
            }
            TrendChange::Paged(_) => self.standing_trends.get(key).copied(),
            TrendChange::Cleared(_) => self.standing_trends.remove(key),
        };
        let finding = change.finding().clone();
        match place {
            Some(place) => self.trends[place] = finding,
            None => self.trends.push(finding),
        }
    }

    /// Where it is told that this very finding stands.
    fn place(&self, finding: &Finding) -> Option<usize> {
        let places = self.standing.get(&(finding.key.alert, finding.key.order.clone()))?;
        let is_same = |known: &Finding| known.key == finding.key && known.cause == finding.cause;
        places.iter().copied().find(|place| is_same(&self.told[*place].finding))
    }

    fn keep(&mut self, finding: Finding) {
        if finding.key.alert == Alert::OrderViolation {
            self.kept.push(finding);
        }
    }
}
