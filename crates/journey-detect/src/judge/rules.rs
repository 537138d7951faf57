//! Rules over all steps of a journey, beside the flow.

use super::{Course, Judgement, Scene, Seen, Standing};
use crate::evidence::ClaimId;
use crate::finding::{Alert, Finding, FindingKey, Offence, Reason};
use crate::flow::Automaton;
use crate::{Allowance, Nanos, Rule, RuleKind, StageId};

/// Reports the first offence against each rule. Returns whether there is one.
pub(super) fn report(
    scene: &Scene<'_>,
    automaton: &Automaton,
    course: &Course,
    order_id: &str,
    attempts: &[Seen<'_>],
    judgement: &mut Judgement,
) -> bool {
    let is_over = automaton.may_end(course.state) && automaton.expected(course.state).is_empty();
    let ruling = Ruling { scene, course, attempts, is_over, steps: &course.all };
    let mut is_violated = false;
    // Claims of the flow count from 0.
    for (what, rule) in (1_000..).zip(&scene.definition.rules) {
        let offences = ruling.offences(rule);
        is_violated |= offences.into_iter().any(|found| {
            let finding = ruling.finding(rule, order_id, &found);
            let is_held = ruling.is_held(&finding, &found, what, judgement);
            judgement.findings.extend(is_held.then_some(finding));
            is_held
        });
    }
    is_violated
}

struct Ruling<'r, 'a> {
    scene: &'r Scene<'a>,
    course: &'r Course,
    attempts: &'r [Seen<'a>],
    /// Nothing may follow.
    is_over: bool,
    /// Place of the attempt, and stage, in order.
    steps: &'r [(usize, StageId)],
}

/// A step that breaks a rule, or will.
struct Found {
    attempt: usize,
    why: String,
    /// The step whose absence breaks it.
    absent: Option<Absent>,
}

struct Absent {
    stage: StageId,
    between_ns: (Nanos, Nanos),
    /// When the silence has lasted too long; `None` while nobody sees.
    deadline: Option<Nanos>,
}

impl Ruling<'_, '_> {
    fn name(&self, stage: StageId) -> &str {
        &self.scene.definition.stage(stage).name
    }

    /// The steps that break the rule, first ones first.
    fn offences(&self, rule: &Rule) -> Vec<Found> {
        let place = |stage| self.course.first(stage);
        let seen = |attempt: usize, why: String| Found { attempt, why, absent: None };
        let found = match rule.kind {
            RuleKind::Absence(stage) => {
                place(stage).map(|at| seen(at, format!("{} may not happen", self.name(stage))))
            }
            RuleKind::NotCoexistence(one, other) => place(one).zip(place(other)).map(|(at, later)| {
                let why = format!("{} and {} exclude each other", self.name(one), self.name(other));
                seen(at.max(later), why)
            }),
            RuleKind::Precedence { first, then } => self.precedence(first, then),
            RuleKind::Response { first, then, within } => return self.response(first, then, within),
        };
        found.into_iter().collect()
    }

    fn precedence(&self, first: StageId, then: StageId) -> Option<Found> {
        let then_at = self.course.first(then)?;
        let later = &self.attempts[then_at];
        if let Some(first_at) = self.course.first(first) {
            let is_late = first_at > then_at
                && !super::are_concurrent(self.scene.definition, later, &self.attempts[first_at]);
            let why = || format!("{} came before {}", self.name(then), self.name(first));
            return is_late.then(|| Found { attempt: then_at, why: why(), absent: None });
        }
        // What the flow misses, the flow tells.
        let is_excused = self.course.began_in_the_middle
            || self.course.misses(first)
            || self.is_running(first)
            || !self.scene.definition.stage(first).observed;
        let absent = Absent {
            stage: first,
            between_ns: (0, later.last_ns()),
            deadline: self.scene.grace_after(later.first_ns()),
        };
        let why = || format!("{} came without {}", self.name(then), self.name(first));
        (!is_excused).then(|| Found { attempt: then_at, why: why(), absent: Some(absent) })
    }

    fn response(&self, first: StageId, then: StageId, within: Option<Allowance>) -> Vec<Found> {
        let asked = self.steps.iter().filter(|(_, stage)| *stage == first);
        asked.filter_map(|(at, _)| self.unanswered(*at, then, within)).collect()
    }

    fn unanswered(&self, at: usize, then: StageId, within: Option<Allowance>) -> Option<Found> {
        let asking = &self.attempts[at];
        // Who is still at work has not asked yet.
        let asked_ns = match self.course.standings[at] {
            Standing::Running => return None,
            _ => asking.end_ns.unwrap_or(asking.last_ns()),
        };
        let is_after = |other: usize| {
            other > at || super::are_concurrent(self.scene.definition, asking, &self.attempts[other])
        };
        let answers =
            self.steps.iter().filter(|(other, stage)| *stage == then && *other != at && is_after(*other));
        let answer = answers.map(|(other, _)| self.attempts[*other].first_ns()).min();
        let until_ns = within.map(|within| within.after(asked_ns));
        let found = |absent| {
            let limit = within.map_or(String::new(), |within| format!(" within {within}"));
            let why = format!("no {} came{limit} after {}", self.name(then), asking.stage);
            Some(Found { attempt: at, why, absent })
        };
        if let Some(answer_ns) = answer {
            return if until_ns.is_some_and(|until_ns| until_ns < answer_ns) { found(None) } else { None };
        }
        if self.is_running(then) || !self.scene.definition.stage(then).observed {
            return None;
        }
        let deadline = match within {
            Some(within) => self.scene.sight.deadline(asked_ns, within),
            None if self.is_over => self.scene.grace_after(self.attempts.last()?.last_ns()),
            None => return None,
        };
        let between_ns = (asking.first_ns(), until_ns.unwrap_or(Nanos::MAX));
        found(Some(Absent { stage: then, between_ns, deadline }))
    }

    fn is_running(&self, stage: StageId) -> bool {
        let mut standings = self.course.standings.iter().zip(self.attempts);
        standings.any(|(standing, attempt)| *standing == Standing::Running && attempt.of == Some(stage))
    }

    /// Whether the offence is held against the order now.
    fn is_held(&self, finding: &Finding, found: &Found, what: u16, judgement: &mut Judgement) -> bool {
        let Some(absent) = &found.absent else { return true };
        let id = ClaimId { by: self.attempts[found.attempt].id, what };
        let has_passed = absent.deadline.is_some_and(|deadline| deadline <= self.scene.now);
        if !has_passed && !self.scene.stands(finding) {
            judgement.look_again(absent.deadline);
            // An answer that may still come in time is no gap.
            judgement.has_gap |= !self.is_awaited(absent);
            return false;
        }
        let is_unseen = self.scene.is_unseen(&[absent.stage], id, absent.between_ns, &mut judgement.claims);
        judgement.has_gap |= is_unseen;
        !is_unseen
    }

    /// Whether the step is to come after the one that asks for it.
    fn is_awaited(&self, absent: &Absent) -> bool {
        absent.between_ns.0 > 0
    }

    fn finding(&self, rule: &Rule, order_id: &str, found: &Found) -> Finding {
        let attempt = &self.attempts[found.attempt];
        Finding {
            key: FindingKey {
                rule: Some(rule.name.as_str().into()),
                ..FindingKey::of_order(Alert::OrderViolation, order_id, &attempt.stage)
            },
            cause: attempt.id.span_id.to_string().into(),
            reason: Reason::Rule,
            summary: found.why.as_str().into(),
            waiting_for: None,
            evidence: format!("rule {}", rule.name).into(),
            trace_id: Some(attempt.id.trace_id),
            since_ns: attempt.first_ns(),
            offence: Some(Offence {
                index: self.course.steps_before(found.attempt),
                expected: Vec::new(),
                at_ns: super::order(self.scene.definition, attempt).0,
            }),
            orders: None,
        }
    }
}
