//! What stays open, held against its deadlines: stages that do not come, and stages that do not end.
//!
//! Silence is judged on `now`, and only while the analyzer sees. A finding that stands is kept while what it rests
//! on goes on, whether anybody sees or not.

use std::sync::Arc;

use super::{Course, Judgement, Scene, Seen, Standing, Wait};
use crate::allowance::duration;
use crate::finding::{Alert, Finding, FindingKey, Reason};
use crate::flow::Automaton;
use crate::limits::BEATS_MISSED_MAX;
use crate::{Allowance, Attempt, Nanos, RuleKind, StageDefinition, StageId, clock_time};

/// Reports waits and silent stages.
pub(super) fn report(
    scene: &Scene<'_>,
    automaton: &mut Automaton,
    course: &Course,
    order_id: &str,
    attempts: &[Seen<'_>],
    judgement: &mut Judgement,
) {
    let mut report = Report { scene, course, attempts, order_id, judgement };
    for (at, attempt) in attempts.iter().enumerate() {
        if course.standings[at] == Standing::Running {
            report.running(attempt);
        }
    }
    report.note_lasted();
    // Where it may end, nothing is waited for.
    if automaton.may_end(course.state) {
        return;
    }
    let pending = pending(scene, automaton, course, attempts);
    for alternatives in alternatives(automaton, course, pending) {
        report.waiting(&alternatives);
    }
}

/// A stage that may come next, and since when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending<'a> {
    stage: StageId,
    pub(super) definition: &'a StageDefinition,
    /// How long it may take to come.
    within: Option<Allowance>,
    since_ns: Nanos,
    /// The step that made it possible.
    enabled_by: &'a Attempt,
}

/// The stages that may come next and for which nobody is still at work.
fn pending<'a>(
    scene: &Scene<'a>,
    automaton: &Automaton,
    course: &Course,
    attempts: &[Seen<'a>],
) -> Vec<Pending<'a>> {
    enabled(automaton, course)
        .filter_map(|(stage, by)| {
            let definition = scene.definition.stage(stage);
            let runs = |(at, attempt): (usize, &Seen<'_>)| {
                course.standings[at] == Standing::Running && attempt.of == Some(stage)
            };
            // It has begun; where steps count by their end, it is no step yet.
            if attempts.iter().enumerate().any(runs) {
                return None;
            }
            let enabled_by = attempts[by].attempt;
            let mut since_ns = ended(course, attempts, by)?;
            for rule in &scene.definition.rules {
                if let RuleKind::Precedence { first, then } = rule.kind
                    && then == stage
                {
                    since_ns = since_ns.max(ended(course, attempts, course.first(first)?)?);
                }
            }
            let failed = attempts.iter().filter(|attempt| attempt.has_failed() && attempt.of == Some(stage));
            since_ns = failed.filter_map(|attempt| attempt.end_ns).fold(since_ns, Nanos::max);
            let within = definition.start_within.after(attempts[by].of?);
            Some(Pending { stage, definition, within, since_ns, enabled_by })
        })
        .collect()
}

/// For each stage that may come next, the attempt whose step made it possible: the first since which it was possible all
/// the time.
fn enabled(automaton: &Automaton, course: &Course) -> impl Iterator<Item = (StageId, usize)> {
    let enabled_by = move |stage: &StageId| {
        let mut steps = course.steps.iter().enumerate().rev();
        let (_, step) = steps.find(|(place, step)| {
            // An order that begins in the middle begins in every state: nothing there was waited for before.
            let is_first_seen = *place == 0 && course.began_in_the_middle;
            is_first_seen
                || step.stage == *stage
                || automaton.expected(step.before).binary_search(stage).is_err()
        })?;
        Some((*stage, step.attempt))
    };
    automaton.expected(course.state).iter().filter_map(enabled_by)
}

/// When the attempt was over, `None` while it runs.
pub(super) fn ended(course: &Course, attempts: &[Seen<'_>], at: usize) -> Option<Nanos> {
    match course.standings[at] {
        Standing::Running => None,
        _ => Some(attempts[at].end_ns.unwrap_or(attempts[at].last_ns())),
    }
}

/// Groups stages of which any one lets the order go on, and leaves out those it can do without.
fn alternatives<'a>(
    automaton: &mut Automaton,
    course: &Course,
    pending: Vec<Pending<'a>>,
) -> Vec<Vec<Pending<'a>>> {
    let all = automaton.expected(course.state).to_vec();
    let mut spares = |one: StageId, other: StageId| {
        let after = automaton.step(course.state, one);
        one != other && after.is_none_or(|after| automaton.expected(after).binary_search(&other).is_err())
    };
    let mut groups: Vec<Vec<Pending<'a>>> = Vec::new();
    for candidate in pending {
        let stage = candidate.stage;
        // A stage that another one spares, and that does not spare that one, is optional.
        if all.iter().any(|other| spares(*other, stage) && !spares(stage, *other)) {
            continue;
        }
        match groups.iter_mut().find(|group| spares(group[0].stage, stage)) {
            Some(group) => group.push(candidate),
            None => groups.push(vec![candidate]),
        }
    }
    // Alone, a stage is waited for only if the journey cannot end without it.
    groups.retain(|group| group.len() > 1 || !automaton.can_end_without(course.state, group[0].stage));
    groups
}

pub(super) struct Report<'r, 'a> {
    pub(super) scene: &'r Scene<'a>,
    pub(super) course: &'r Course,
    pub(super) attempts: &'r [Seen<'r>],
    order_id: &'r str,
    pub(super) judgement: &'r mut Judgement,
}

impl Report<'_, '_> {
    /// The order waits for one of these. The latest of their limits counts; one without a limit is not waited for.
    fn waiting(&mut self, alternatives: &[Pending<'_>]) {
        for pending in alternatives {
            self.judgement.waits.push(Wait {
                stage: Arc::clone(&pending.definition.name),
                since_ns: pending.since_ns,
                until_ns: pending.within.map(|within| within.after(pending.since_ns)),
            });
        }
        let limited = alternatives.iter().filter_map(|pending| Some((pending, pending.within?)));
        let Some((pending, within)) =
            limited.clone().min_by_key(|(pending, within)| within.after(pending.since_ns))
        else {
            self.unlimited(alternatives);
            return;
        };
        let deadline = limited
            .clone()
            .map(|(pending, within)| self.scene.sight.deadline(pending.since_ns, within))
            .reduce(|one, other| Some(one?.max(other?)))
            .flatten();
        self.raise_at(deadline, |report| {
            let names: Vec<&str> = limited.map(|(pending, _)| &*pending.definition.name).collect();
            let names = names.join(" or ");
            Finding {
                key: report.key(Alert::OrderStuck, &pending.definition.name, None),
                cause: format!("{}/{}", pending.enabled_by.id.span_id, pending.since_ns).into(),
                reason: Reason::NotStarted,
                summary: format!("waiting for {names} since {}", clock_time(pending.since_ns)).into(),
                waiting_for: Some(names.into()),
                evidence: format!(
                    "{} ended at {}, {} was due within {within}",
                    pending.enabled_by.stage,
                    clock_time(pending.since_ns),
                    pending.definition.name,
                )
                .into(),
                trace_id: Some(pending.enabled_by.id.trace_id),
                since_ns: pending.since_ns,
                offence: None,
                orders: None,
            }
        });
    }

    /// A stage runs: does its process live, does its work move, is it within its limit?
    fn running(&mut self, attempt: &Seen<'_>) {
        let Some(stage) = attempt.of.map(|of| self.scene.definition.stage(of)) else { return };
        if let Some(interval_ns) = attempt.beat_interval_ns {
            self.no_beats(attempt, interval_ns);
            self.no_progress(attempt, stage);
        }
        self.not_finished(attempt, stage);
    }

    fn no_beats(&mut self, attempt: &Attempt, interval_ns: Nanos) {
        let last_ns = attempt.last_ns();
        let patience = Allowance::Elapsed(interval_ns.saturating_mul(BEATS_MISSED_MAX));
        self.raise_at(self.scene.sight.deadline(last_ns, patience), |report| {
            let process = match report.scene.instances.get(&attempt.instance) {
                Some(instance) if instance.last_ns > last_ns => "its process still sends signals",
                Some(_) => "its process is silent too",
                None => "nothing is known of its process",
            };
            Finding {
                key: report.key(Alert::StageDead, &attempt.stage, Some(&attempt.service)),
                // A later beat is another silence: the stage is alive again.
                cause: format!("{}/{last_ns}", attempt.id.span_id).into(),
                reason: Reason::NoBeats,
                summary: format!("{} has shown no sign of life since {}", attempt.stage, clock_time(last_ns))
                    .into(),
                waiting_for: Some((&*attempt.stage).into()),
                evidence: format!(
                    "no beat for {BEATS_MISSED_MAX} intervals of {}; {process}; attempt {} of {} on {}",
                    duration(interval_ns),
                    attempt.number,
                    attempt.stage,
                    attempt.instance,
                )
                .into(),
                trace_id: Some(attempt.id.trace_id),
                since_ns: last_ns,
                offence: None,
                orders: None,
            }
        });
    }

    /// The beat itself says how long the work stands still, so it needs no sight.
    fn no_progress(&mut self, attempt: &Attempt, stage: &StageDefinition) {
        let (Some(within), Some(idle_ns), Some(beat_ns)) =
            (stage.progress_within, attempt.idle_ns, attempt.last_beat_ns)
        else {
            return;
        };
        if idle_ns <= within {
            return;
        }
        let since_ns = beat_ns.saturating_sub(idle_ns);
        let done = attempt.progress.map_or(String::new(), |done| format!(" at {:.0} %", done * 100.0));
        let key = self.key(Alert::StageDead, &attempt.stage, Some(&attempt.service));
        if self.judgement.findings.iter().any(|finding| finding.key == key) {
            return; // Its process is dead, which says more.
        }
        self.judgement.findings.push(Finding {
            key,
            cause: format!("{}/progress", attempt.id.span_id).into(),
            reason: Reason::NoProgress,
            summary: format!("{} has stood still{done} since {}", attempt.stage, clock_time(since_ns)).into(),
            waiting_for: Some((&*attempt.stage).into()),
            evidence: format!(
                "beats come, but its work showed no sign of life for more than {}; attempt {} on {}",
                duration(within),
                attempt.number,
                attempt.instance,
            )
            .into(),
            trace_id: Some(attempt.id.trace_id),
            since_ns,
            offence: None,
            orders: None,
        });
    }

    fn not_finished(&mut self, attempt: &Seen<'_>, stage: &StageDefinition) {
        let since_ns = attempt.first_ns();
        let Some(within) = stage.finish_within.or_else(|| self.learnt_work(attempt, stage)) else { return };
        // A beating stage is alive: it is slow, never stuck.
        let alert = if attempt.beat_interval_ns.is_some() { Alert::StageSlow } else { Alert::OrderStuck };
        let service = (alert == Alert::StageSlow).then_some(&*attempt.service);
        self.raise_at(self.scene.sight.deadline(since_ns, within), |report| Finding {
            key: report.key(alert, &attempt.stage, service),
            cause: attempt.id.span_id.to_string().into(),
            reason: Reason::NotFinished,
            summary: format!("{} has been running since {}", attempt.stage, clock_time(since_ns)).into(),
            waiting_for: Some((&*attempt.stage).into()),
            evidence: format!("{} was due to end within {within}", attempt.stage).into(),
            trace_id: Some(attempt.id.trace_id),
            since_ns,
            offence: None,
            orders: None,
        });
    }

    /// Reports the finding if it stands already or its deadline has passed; else notes when to look again. Most are
    /// neither, so it is only put into words when it is needed. Returns whether it is reported.
    pub(super) fn raise_at(
        &mut self,
        deadline: Option<Nanos>,
        finding: impl FnOnce(&Self) -> Finding,
    ) -> bool {
        let is_due = deadline.is_some_and(|deadline| deadline <= self.scene.now);
        if is_due || !self.scene.standing.is_empty() {
            let finding = finding(self);
            if is_due || self.scene.stands(&finding) {
                self.judgement.findings.push(finding);
                return true;
            }
        }
        self.judgement.look_again(deadline);
        false
    }

    pub(super) fn key(&self, alert: Alert, stage: &str, service: Option<&str>) -> FindingKey {
        FindingKey { service: service.map(Into::into), ..FindingKey::of_order(alert, self.order_id, stage) }
    }
}
