//! From one journey's attempts to the samples that the trend detectors learn from. A pure function.
//!
//! What a sample says rests on attempts alone that ended no later than its own, so it does not depend on when the
//! journey is looked at:
//! * a stage waited since the stage before it in the flow ended, or, once more, since its own last failed attempt;
//! * it inherits the first value of each facet that any attempt of the journey had by then, unless it has its own;
//! * of the time of a stage, what is left beside the stages of other services that it called is the way there and back.

use journey_model::{StageOutcome, attribute};

use crate::flow::Branches;
use crate::judge::{Seen, Standing};
use crate::trend::{Sample, Since, Wait};
use crate::{Attempt, Nanos, StageId};

/// One journey, as it was judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    /// Which stages of the flow go on side by side.
    pub(super) branches: &'a Branches,
    /// Its name.
    pub(super) journey: &'a str,
    /// Its attempts in order.
    pub(super) attempts: &'a [Seen<'a>],
    /// How each stands.
    pub(super) standings: &'a [Standing],
}

impl<'a> Judged<'a> {
    /// Gives the sample of an attempt: none while it is open, of one that was cancelled, and of stages that the
    /// definition does not name.
    pub(super) fn sample(&self, at: usize, give: impl FnOnce(&Sample<'_>)) {
        let attempt = self.attempts[at];
        let Some(stage) = attempt.of else { return };
        let (Some(start_ns), Some(end_ns), Some(outcome)) =
            (attempt.start_ns, attempt.end_ns, attempt.outcome)
        else {
            return;
        };
        if outcome == StageOutcome::Cancelled {
            return;
        }
        let gap = self.before(at, stage, end_ns).map(|(stage, ended_ns)| Wait {
            since: Since::Stage(stage),
            wait_ns: start_ns.saturating_sub(ended_ns),
        });
        let waits: Vec<Wait<'a>> = gap.into_iter().chain(self.calls(&attempt, (start_ns, end_ns))).collect();
        give(&Sample {
            id: attempt.id,
            at_ns: end_ns,
            stage: &attempt.stage,
            service: &attempt.service,
            journey: self.journey,
            duration_ns: end_ns.saturating_sub(start_ns),
            failed: attempt.has_failed(),
            size: attempt.size,
            waits: &waits,
            facets: &self.facets(&attempt, end_ns),
        });
    }

    /// The stage that it followed, and when its wait began. Of stages side by side the last one to end counts.
    fn before(&self, at: usize, stage: StageId, end_ns: Nanos) -> Option<(&'a str, Nanos)> {
        let earlier = self.attempts[..at].iter().zip(self.standings).filter_map(|(attempt, standing)| {
            let of = attempt.of?;
            let ended_ns = attempt.end_ns.filter(|ended_ns| *ended_ns <= end_ns)?;
            let is_step = *standing == Standing::Done && !self.branches.are_parallel(of, stage);
            is_step.then_some((of, ended_ns, &*attempt.attempt.stage))
        });
        let last = earlier.clone().next_back()?;
        let abreast = earlier.filter(|(of, ..)| self.branches.are_parallel(*of, last.0));
        // Of two that ended in one moment the later one in order, which is never before the last one.
        let abreast =
            abreast.max_by_key(|(_, ended_ns, _)| *ended_ns).filter(|(_, ended_ns, _)| *ended_ns > last.1);
        let (_, ended_ns, name) = abreast.unwrap_or(last);
        let failed = self.attempts[..at].iter().filter(|other| other.has_failed() && other.of == Some(stage));
        let failed_ns =
            failed.filter_map(|other| other.end_ns.filter(|failed_ns| *failed_ns <= end_ns)).max();
        // The wait for another try has its own rhythm, so it is a wait of its own.
        let retried = failed_ns.filter(|failed_ns| *failed_ns >= ended_ns);
        Some(retried.map_or((name, ended_ns), |failed_ns| (&*self.attempts[at].attempt.stage, failed_ns)))
    }

    /// What is left of its time beside the stages of each other service that it is the parent of.
    fn calls(&self, caller: &Attempt, (start_ns, end_ns): (Nanos, Nanos)) -> Vec<Wait<'a>> {
        let mut called: Vec<(&'a str, Nanos)> = Vec::new();
        for child in self.attempts {
            let is_called = child.parent_span_id == Some(caller.id.span_id)
                && child.id.trace_id == caller.id.trace_id
                && child.service != caller.service;
            let within = child.start_ns.zip(child.end_ns).filter(|(child_start_ns, child_end_ns)| {
                // What outlives its parent is no call but a message.
                *child_start_ns >= start_ns && *child_end_ns <= end_ns
            });
            let Some((child_start_ns, child_end_ns)) = within.filter(|_| is_called) else { continue };
            let took_ns = child_end_ns - child_start_ns;
            match called.iter_mut().find(|(service, _)| *service == &*child.service) {
                Some((_, known_ns)) => *known_ns += took_ns,
                None => called.push((&child.service, took_ns)),
            }
        }
        let took_ns = end_ns.saturating_sub(start_ns);
        let wait = |(service, of_child_ns)| Wait {
            since: Since::Call(service),
            wait_ns: took_ns.saturating_sub(of_child_ns),
        };
        called.into_iter().map(wait).collect()
    }

    /// Its own facets, and the first value of each other one. Which process did a stage is no property of the order:
    /// that is not inherited.
    fn facets<'f>(&self, attempt: &'f Attempt, end_ns: Nanos) -> Vec<(&'f str, &'f str)>
    where
        'a: 'f,
    {
        let earlier = self.attempts.iter().filter(|other| {
            other.id != attempt.id && other.end_ns.is_some_and(|ended_ns| ended_ns <= end_ns)
        });
        let inherited = earlier
            .flat_map(|other| &*other.attempt.facets)
            .filter(|(key, _)| **key != *attribute::SERVICE_INSTANCE_ID);
        let mut facets: Vec<(&str, &str)> =
            attempt.facets.iter().map(|(key, value)| (&**key, &**value)).collect();
        // The first value of a key counts.
        for (key, value) in inherited {
            if facets.iter().all(|(known, _)| *known != &**key) {
                facets.push((key, value));
            }
        }
        facets
    }
}
