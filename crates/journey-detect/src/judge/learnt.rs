//! Silence for which the definition says nothing: as long as it lasts in other journeys.

use super::silence::{Pending, Report, ended};
use super::{Seen, Standing};
use crate::finding::{Alert, Finding, Reason};
use crate::survival::{Lasting, Length};
use crate::{Allowance, Attempt, Nanos, StageDefinition, StageId, StageKind, StartWithin, clock_time};

impl<'r> Report<'r, '_> {
    /// The order waits for one of these, and nothing says how long. A stage that limits some ways to it may take as
    /// long as it likes on the others, and so may a person.
    pub(super) fn unlimited(&mut self, alternatives: &[Pending<'_>]) {
        let is_machine = |pending: &Pending<'_>| {
            let definition = pending.definition;
            definition.start_within == StartWithin::Unlimited && definition.kind == StageKind::Machine
        };
        if !alternatives.iter().all(is_machine) {
            return;
        }
        let Some((last, stage, since_ns)) = self.last_step() else { return };
        let what = Lasting::Wait(stage);
        let Some(limit_ns) = self.scene.survival.limit_ns(what) else {
            self.judgement.lasted.open.push((what, since_ns));
            return;
        };
        let within = Allowance::Elapsed(limit_ns);
        let is_stuck = self.raise_at(self.scene.sight.deadline(since_ns, within), |report| {
            let names: Vec<&str> = alternatives.iter().map(|pending| &*pending.definition.name).collect();
            Finding {
                key: report.key(Alert::OrderStuck, names[0], None),
                cause: format!("{}/{since_ns}", last.id.span_id).into(),
                reason: Reason::NotStarted,
                summary: format!("waiting for {} since {}", names.join(" or "), clock_time(since_ns)).into(),
                waiting_for: Some(names.join(" or ").into()),
                evidence: format!(
                    "{} ended at {}; other orders went on within {within}",
                    last.stage,
                    clock_time(since_ns),
                )
                .into(),
                trace_id: Some(last.id.trace_id),
                since_ns,
                offence: None,
                orders: None,
            }
        });
        // What is stuck does not say how long others may last.
        if !is_stuck {
            self.judgement.lasted.open.push((what, since_ns));
        }
    }

    /// How long the work of a machine without beats may last.
    pub(super) fn learnt_work(&mut self, attempt: &Seen<'_>, stage: &StageDefinition) -> Option<Allowance> {
        let id = attempt.of?;
        if attempt.beat_interval_ns.is_some() || attempt.start_ns.is_none() || stage.kind == StageKind::Human
        {
            return None;
        }
        let limit_ns = self.scene.survival.limit_ns(Lasting::Work(id));
        let is_over = |limit_ns: Nanos| attempt.first_ns().saturating_add(limit_ns) <= self.scene.now;
        if !limit_ns.is_some_and(is_over) {
            self.judgement.lasted.open.push((Lasting::Work(id), attempt.first_ns()));
        }
        limit_ns.map(Allowance::Elapsed)
    }

    /// Notes how long stages and waits lasted.
    pub(super) fn note_lasted(&mut self) {
        let steps = &self.course.all;
        self.judgement.lasted.over.reserve(2 * steps.len());
        for (place, (at, stage)) in steps.iter().enumerate() {
            let attempt = self.attempts[*at];
            let over = &mut self.judgement.lasted.over;
            if let (None, Some(start), Some(end)) =
                (attempt.beat_interval_ns, attempt.start_ns, attempt.end_ns)
            {
                over.push((Lasting::Work(*stage), Length::of(end.saturating_sub(start))));
            }
            let ended_ns = ended(self.course, self.attempts, *at);
            if let (Some(ended_ns), Some((next, _))) = (ended_ns, steps.get(place + 1)) {
                let wait_ns = shown_ns(&self.attempts[*next]).saturating_sub(ended_ns);
                over.push((Lasting::Wait(*stage), Length::of(wait_ns)));
            }
        }
    }

    /// The step that ended last, and when; `None` while anything runs.
    fn last_step(&self) -> Option<(&'r Attempt, StageId, Nanos)> {
        if self.course.standings.contains(&Standing::Running) {
            return None;
        }
        let (at, stage) = self.course.all.last()?;
        Some((self.attempts[*at].attempt, *stage, ended(self.course, self.attempts, *at)?))
    }
}

/// From when on others could see that an attempt had begun: only what beats tells its start.
fn shown_ns(attempt: &Attempt) -> Nanos {
    match attempt.beat_interval_ns {
        Some(_) => attempt.first_ns(),
        None => attempt.last_ns(),
    }
}
