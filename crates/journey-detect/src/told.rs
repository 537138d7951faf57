//! What people are told of what is judged: one alert for one cause, and none that flutters.
//!
//! * A finding that is judged is told at once. If it comes back within [`FLUTTER_NS`] after it was cleared, it is told
//!   again only once it has lasted for a grace, and then cleared only after as long a quiet as [`FLUTTER_NS`].
//! * More than [`SINGLES_MAX`] findings of one cause about several orders within [`FOLD_WINDOW_NS`] become one more
//!   finding, which names them all and hides them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::finding::{Finding, FindingKey, Orders};
use crate::limits::{
    ALERT_PASTS_MAX, FLUTTER_NS, FOLD_RELEASE, FOLD_UPDATE_NS, FOLD_WINDOW_NS, FOLDED_ORDERS_MAX, SINGLES_MAX,
};
use crate::{Nanos, Outputs};

/// What is told, and what was.
#[derive(Debug, Default)]
pub(crate) struct Told {
    alerts: BTreeMap<FindingKey, Alert>,
    /// When an alert is to be looked at again though nothing was judged.
    due: BTreeSet<(Nanos, FindingKey)>,
    /// Alerts that are neither judged nor told, by when they were cleared.
    past: BTreeSet<(Nanos, FindingKey)>,
    folds: BTreeMap<FindingKey, Fold>,
    changed_folds: BTreeSet<FindingKey>,
}

/// One label set.
#[derive(Debug, Default)]
struct Alert {
    /// What is judged.
    judged: Option<Finding>,
    /// What people were told last and not taken back.
    told: Option<Finding>,
    due_ns: Option<Nanos>,
    cleared_ns: Option<Nanos>,
    /// It came back soon after it was cleared.
    flutters: bool,
}

/// Findings of one cause about several orders.
#[derive(Debug, Default)]
struct Fold {
    /// Orders of which it is told.
    orders: BTreeSet<Box<str>>,
    /// When the last ones were raised, at most one more than [`SINGLES_MAX`].
    raised_ns: VecDeque<Nanos>,
    told: Option<Finding>,
    updated_ns: Nanos,
}

impl Told {
    /// What was told before a restart.
    pub(crate) fn restore(&mut self, finding: Finding) {
        let key = finding.key.clone();
        if finding.orders.is_some() {
            self.folds.entry(key).or_default().told = Some(finding);
            return;
        }
        if !key.order.is_empty() {
            self.folds.entry(key.folded()).or_default().orders.insert(key.order.clone());
        }
        let alert = self.alerts.entry(key).or_default();
        (alert.judged, alert.told) = (Some(finding.clone()), Some(finding));
    }

    /// A finding stands from now on.
    pub(crate) fn raise(&mut self, finding: Finding, now: Nanos, grace_ns: Nanos, outputs: &mut Outputs) {
        let key = finding.key.clone();
        let alert = self.alerts.entry(key.clone()).or_default();
        alert.judged = Some(finding.clone());
        if let Some(told) = &alert.told {
            // It stands on under the same name, perhaps for another reason.
            if told.cause != finding.cause {
                outputs.cleared.push(told.clone());
                outputs.raised.push(finding.clone());
                alert.told = Some(finding);
            }
            self.set_due(&key, None);
            return;
        }
        let cleared_ns = alert.cleared_ns;
        if let Some(cleared_ns) = cleared_ns {
            self.past.remove(&(cleared_ns, key.clone()));
        }
        if cleared_ns.is_some_and(|cleared_ns| cleared_ns.saturating_add(FLUTTER_NS) > now) {
            self.set_due(&key, Some(now.saturating_add(grace_ns)));
            return;
        }
        self.tell(key, now, outputs);
    }

    /// A finding that stands has another text.
    pub(crate) fn update(&mut self, finding: &Finding, outputs: &mut Outputs) {
        let Some(alert) = self.alerts.get_mut(&finding.key) else { return };
        alert.judged = Some(finding.clone());
        if let Some(told) = &mut alert.told {
            *told = finding.clone();
            outputs.updated.push(finding.clone());
        }
    }

    /// A finding stands no longer.
    pub(crate) fn clear(&mut self, finding: &Finding, now: Nanos, outputs: &mut Outputs) {
        let key = &finding.key;
        let Some(alert) = self.alerts.get_mut(key) else { return };
        // Another cause took its place.
        if alert.judged.as_ref().is_some_and(|judged| judged.cause != finding.cause) {
            return;
        }
        alert.judged = None;
        match (&alert.told, alert.flutters) {
            (None, _) => {
                self.set_due(key, None);
                self.note_past(key);
            }
            (Some(_), true) => self.set_due(key, Some(now.saturating_add(FLUTTER_NS))),
            (Some(_), false) => self.take_back(key.clone(), now, outputs),
        }
    }

    /// Tells what became due, and what changed in alerts about many orders.
    pub(crate) fn advance(&mut self, now: Nanos, outputs: &mut Outputs) {
        while let Some((at, key)) = self.due.first().cloned()
            && at <= now
        {
            self.set_due(&key, None);
            let Some(alert) = self.alerts.get_mut(&key) else { continue };
            match (&alert.judged, &alert.told) {
                (Some(_), None) => {
                    alert.flutters = true;
                    self.tell(key, now, outputs);
                }
                (None, Some(_)) => self.take_back(key, now, outputs),
                _ => {}
            }
        }
        while let Some((at, key)) = self.past.first().cloned()
            && (at.saturating_add(FLUTTER_NS) <= now || self.past.len() > ALERT_PASTS_MAX)
        {
            self.past.pop_first();
            self.alerts.remove(&key);
        }
        for key in std::mem::take(&mut self.changed_folds) {
            self.advance_fold(key, now, outputs);
        }
    }

    /// When to advance though nothing is judged.
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        let fold = self.changed_folds.iter().filter_map(|key| self.folds.get(key));
        let update = fold.map(|fold| fold.updated_ns.saturating_add(FOLD_UPDATE_NS)).min();
        self.due.first().map(|(at, _)| *at).into_iter().chain(update).min()
    }

    fn tell(&mut self, key: FindingKey, now: Nanos, outputs: &mut Outputs) {
        let Some(alert) = self.alerts.get_mut(&key) else { return };
        alert.told = alert.judged.clone();
        outputs.raised.extend(alert.told.clone());
        if key.order.is_empty() {
            return;
        }
        let folded = key.folded();
        let fold = self.folds.entry(folded.clone()).or_default();
        fold.orders.insert(key.order);
        fold.raised_ns.push_back(now);
        if fold.raised_ns.len() > SINGLES_MAX + 1 {
            fold.raised_ns.pop_front();
        }
        self.changed_folds.insert(folded);
    }

    fn take_back(&mut self, key: FindingKey, now: Nanos, outputs: &mut Outputs) {
        let Some(alert) = self.alerts.get_mut(&key) else { return };
        outputs.cleared.extend(alert.told.take());
        alert.flutters = false;
        alert.cleared_ns = Some(now);
        self.note_past(&key);
        if let Some(fold) = self.folds.get_mut(&key.folded()) {
            fold.orders.remove(&key.order);
            self.changed_folds.insert(key.folded());
        }
    }

    fn advance_fold(&mut self, key: FindingKey, now: Nanos, outputs: &mut Outputs) {
        let Some(fold) = self.folds.get_mut(&key) else { return };
        if fold.told.is_some() && fold.orders.len() <= FOLD_RELEASE {
            outputs.cleared.extend(fold.told.take());
            fold.raised_ns.clear();
        }
        if fold.orders.is_empty() && fold.told.is_none() {
            self.folds.remove(&key);
            return;
        }
        let is_burst = fold.raised_ns.len() > SINGLES_MAX
            && fold.raised_ns[0].saturating_add(FOLD_WINDOW_NS) >= now
            && fold.orders.len() > SINGLES_MAX;
        let is_stale = fold.told.is_some() && fold.updated_ns.saturating_add(FOLD_UPDATE_NS) <= now;
        match fold.told {
            None if !is_burst => return,
            Some(_) if !is_stale => {
                self.changed_folds.insert(key);
                return;
            }
            _ => {}
        }
        let some = fold.orders.iter().take(FOLDED_ORDERS_MAX).cloned().collect();
        let orders = Orders { some, count: fold.orders.len() };
        if let Some(told) = &mut fold.told {
            if told.orders.as_ref() != Some(&orders) {
                told.summary = many(&key, orders.count);
                told.orders = Some(orders);
                outputs.updated.push(told.clone());
            }
        } else {
            let last = outputs.raised.iter().rev().find(|raised| raised.key.folded() == key).cloned();
            let Some(last) = last else { return };
            let evidence =
                format!("more than {SINGLES_MAX} orders within 10m; one of them: {}", last.evidence);
            let told = Finding {
                cause: "many".into(),
                summary: many(&key, orders.count),
                evidence: evidence.into(),
                orders: Some(orders),
                offence: None,
                key,
                ..last
            };
            outputs.raised.push(told.clone());
            fold.told = Some(told);
        }
        fold.updated_ns = now;
    }

    fn set_due(&mut self, key: &FindingKey, due_ns: Option<Nanos>) {
        let Some(alert) = self.alerts.get_mut(key) else { return };
        if let Some(before) = std::mem::replace(&mut alert.due_ns, due_ns) {
            self.due.remove(&(before, key.clone()));
        }
        self.due.extend(due_ns.map(|at| (at, key.clone())));
    }

    /// Remembers when it was cleared for as long as that matters.
    fn note_past(&mut self, key: &FindingKey) {
        let Some(alert) = self.alerts.get(key) else { return };
        match alert.cleared_ns {
            Some(at) => drop(self.past.insert((at, key.clone()))),
            None => drop(self.alerts.remove(key)),
        }
    }
}

fn many(key: &FindingKey, count: usize) -> Box<str> {
    let what = match key.alert {
        crate::Alert::OrderStuck => "wait too long for",
        crate::Alert::OrderViolation => "broke their order at",
        crate::Alert::RetryStorm => "fail again and again in",
        crate::Alert::StageDead => "were left without a sign of life in",
        _ => "are slow in",
    };
    format!("{count} orders {what} {}", key.stage).into()
}

#[cfg(test)]
mod tests;
