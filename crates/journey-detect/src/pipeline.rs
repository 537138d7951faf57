//! The way of the signals itself: are numbers lost, does anything come at all?
//!
//! A killed process falls silent alone; when all fall silent together, it is the way that is broken, and silence proves
//! nothing about orders.

use std::collections::{BTreeMap, VecDeque};

use foldhash::HashMap;

use crate::finding::{Alert, Finding, FindingKey, Reason};
use crate::instance::{Instance, Instances};
use crate::limits::{
    BEATS_MISSED_MAX, LOSS_SHARE_MAX, LOSS_SHARE_RELEASE, LOSS_WINDOW_NS, LOST_NUMBERS_MIN,
    PROCESS_SIGNALS_MISSED_MAX,
};
use crate::{Allowance, Nanos, Sight, clock_time};

/// What stands about the pipeline.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    standing: BTreeMap<FindingKey, Finding>,
    /// Numbers that came, by minute of event time, of instances that sent any lately.
    came: HashMap<Box<str>, VecDeque<(u64, u64)>>,
    next_check_ns: Nanos,
    /// Something may change though nothing comes.
    is_watched: bool,
    /// Something came while nothing should.
    is_heard: bool,
}

impl Pipeline {
    pub(crate) fn restore(&mut self, finding: Finding) {
        self.standing.insert(finding.key.clone(), finding);
    }

    /// Notes a signal of an instance.
    pub(crate) fn note(&mut self, id: &str, at_ns: Nanos, is_new_number: bool) {
        self.is_heard = true;
        if !is_new_number {
            return;
        }
        let minute = at_ns / MINUTE_NS;
        if !self.came.contains_key(id) {
            self.came.insert(id.into(), VecDeque::new());
        }
        let Some(minutes) = self.came.get_mut(id) else { return };
        // What comes too late for the window is of no use.
        let is_later = minutes.back().is_none_or(|(last, _)| *last < minute);
        match minutes.iter_mut().rev().find(|(known, _)| *known == minute) {
            Some((_, count)) => *count += 1,
            None if is_later => minutes.push_back((minute, 1)),
            None => {}
        }
        while minutes.len() > MINUTES_KEPT {
            minutes.pop_front();
        }
    }

    /// Whether everything is silent, as far as was said.
    pub(crate) fn is_silent(&self) -> bool {
        self.standing.contains_key(&FindingKey::new(Alert::PipelineSilent))
    }

    /// When to check again.
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        self.is_watched.then_some(self.next_check_ns)
    }

    /// Checks, if it is time or something came out of the silence. Returns what is cleared and raised.
    pub(crate) fn check(
        &mut self,
        instances: &Instances,
        interval_ns: Nanos,
        sight: Sight,
        now: Nanos,
    ) -> (Vec<Finding>, Vec<Finding>) {
        let is_back = std::mem::take(&mut self.is_heard) && self.is_silent();
        if now < self.next_check_ns && !is_back {
            return Default::default();
        }
        self.next_check_ns = now.saturating_add((interval_ns / CHECKS_PER_INTERVAL).max(1));
        self.came.retain(|id, _| instances.get(id).is_some());
        let mut found: BTreeMap<FindingKey, Finding> = BTreeMap::new();
        found.extend(self.silence(instances, interval_ns, sight, now));
        for instance in instances.all() {
            found.extend(self.loss(instance, interval_ns, sight, now));
        }
        let cleared = self.standing.values().filter(|old| !found.contains_key(&old.key)).cloned().collect();
        let raised = found.values().filter(|new| !self.standing.contains_key(&new.key)).cloned().collect();
        self.standing = found;
        let far_ns = interval_ns.saturating_mul(BEATS_MISSED_MAX).saturating_add(LOSS_WINDOW_NS);
        let is_recent = |instance: &Instance| {
            let speaks = instance.said.is_some() || !instance.runs.is_empty();
            speaks && instance.last_ns.saturating_add(far_ns) >= now
        };
        self.is_watched = !self.standing.is_empty() || instances.all().any(is_recent);
        (cleared, raised)
    }

    /// At least two instances sent process signals, and all fell silent together.
    fn silence(
        &self,
        instances: &Instances,
        interval_ns: Nanos,
        sight: Sight,
        now: Nanos,
    ) -> Option<(FindingKey, Finding)> {
        let key = FindingKey::new(Alert::PipelineSilent);
        let speaking = || instances.all().filter(|instance| instance.said.is_some());
        let last_ns = speaking().map(|instance| instance.last_ns).max()?;
        let patience_ns = interval_ns.saturating_mul(PROCESS_SIGNALS_MISSED_MAX);
        let were_alive = speaking()
            .filter(|instance| !instance.stopped && instance.last_ns.saturating_add(patience_ns) > last_ns);
        let alive = were_alive.count();
        if alive < 2 {
            return None;
        }
        // A word that came before the silence began proves nothing about it.
        let stands = self.standing.get(&key).filter(|known| known.since_ns == last_ns);
        let deadline = sight.deadline(last_ns, Allowance::Elapsed(patience_ns));
        if stands.is_none() && deadline.is_none_or(|deadline| now < deadline) {
            return None;
        }
        let evidence = format!(
            "{alive} service instances were alive, none of them said that it stops, and no signal of any kind has \
             come for {PROCESS_SIGNALS_MISSED_MAX} intervals"
        );
        let finding = Finding {
            since_ns: last_ns,
            ..finding(
                key.clone(),
                Reason::AllSilent,
                format!("no service has sent anything since {}", clock_time(last_ns)),
                evidence,
            )
        };
        Some((key, finding))
    }

    /// Too large a share of an instance's numbers is missing among those that had time to come.
    fn loss(
        &self,
        instance: &Instance,
        interval_ns: Nanos,
        sight: Sight,
        now: Nanos,
    ) -> Option<(FindingKey, Finding)> {
        let key = FindingKey {
            instance: Some(instance.id.clone()),
            service: None,
            ..FindingKey::new(Alert::EvidenceLoss)
        };
        let known = self.standing.get(&key);
        let Sight::Seeing { .. } = sight else { return Some((key, known?.clone())) };
        let grace = Allowance::Elapsed(interval_ns.saturating_mul(BEATS_MISSED_MAX));
        let to_ns = now.saturating_sub(interval_ns.saturating_mul(BEATS_MISSED_MAX));
        let from_ns = to_ns.saturating_sub(LOSS_WINDOW_NS);
        let is_due = |at_ns| sight.deadline(at_ns, grace).is_some_and(|deadline| deadline <= now);
        let holes = instance.holes().filter(|hole| hole.is_proven && hole.between_ns.1 > from_ns);
        let lost: u64 = holes.filter(|hole| is_due(hole.between_ns.1)).map(|hole| hole.missing).sum();
        let minutes = self.came.get(&instance.id).into_iter().flatten();
        let came: u64 = minutes
            .filter(|(minute, _)| (from_ns / MINUTE_NS..=to_ns / MINUTE_NS).contains(minute))
            .map(|(_, count)| count)
            .sum();
        let share = lost as f64 / (lost + came).max(1) as f64;
        let limit = if known.is_some() { LOSS_SHARE_RELEASE } else { LOSS_SHARE_MAX };
        if lost < LOST_NUMBERS_MIN || share <= limit {
            return None;
        }
        let percent = share * 100.0;
        let finding = known.cloned().unwrap_or_else(|| Finding {
            since_ns: from_ns,
            ..finding(
                key.clone(),
                Reason::NumbersMissing,
                format!("{percent:.1} % of the signals of {} do not arrive", instance.service),
                format!("{lost} of {} numbers of {} are missing within 10m", lost + came, instance.id),
            )
        });
        Some((key, finding))
    }
}

fn finding(key: FindingKey, reason: Reason, summary: String, evidence: String) -> Finding {
    Finding {
        key,
        cause: "pipeline".into(),
        reason,
        summary: summary.into(),
        waiting_for: None,
        evidence: evidence.into(),
        trace_id: None,
        since_ns: 0,
        offence: None,
        orders: None,
    }
}

const MINUTE_NS: Nanos = 60_000_000_000;

/// Minutes of numbers kept for each instance: the window, and a grace before it.
const MINUTES_KEPT: usize = 24;

/// How often the pipeline is looked at.
const CHECKS_PER_INTERVAL: u64 = 3;
