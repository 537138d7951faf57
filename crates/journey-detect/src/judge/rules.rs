//! Rules over all steps of a journey, beside the flow.

use super::{Course, Judgement, Scene};
use crate::finding::{Alert, Finding, FindingKey, Reason};
use crate::{Attempt, Rule, RuleKind, StageId};

/// Reports the first offence against each rule. Returns whether there is one.
pub(super) fn report(
    scene: &Scene<'_>,
    course: &Course,
    order_id: &str,
    attempts: &[&Attempt],
    judgement: &mut Judgement,
) -> bool {
    let mut is_violated = false;
    for rule in &scene.definition.rules {
        let Some((offender, why)) = offence(scene, course, attempts, rule) else { continue };
        is_violated = true;
        let attempt = attempts[offender];
        judgement.findings.push(Finding {
            key: FindingKey {
                alert: Alert::OrderViolation,
                order: order_id.into(),
                stage: attempt.stage.clone(),
                rule: Some(rule.name.as_str().into()),
                service: None,
            },
            cause: attempt.id.span_id.to_string().into(),
            reason: Reason::Rule,
            summary: why.into(),
            waiting_for: None,
            evidence: format!("rule {}", rule.name).into(),
            trace_id: Some(attempt.id.trace_id),
            since_ns: attempt.first_ns(),
        });
    }
    is_violated
}

/// The attempt that breaks the rule first, and how.
fn offence(
    scene: &Scene<'_>,
    course: &Course,
    attempts: &[&Attempt],
    rule: &Rule,
) -> Option<(usize, String)> {
    let name = |stage: StageId| &scene.definition.stage(stage).name;
    let place = |stage: StageId| course.first(stage);
    let (at, why) = match rule.kind {
        RuleKind::Absence(stage) => (place(stage)?, format!("{} may not happen", name(stage))),
        RuleKind::NotCoexistence(one, other) => {
            (place(one)?.max(place(other)?), format!("{} and {} exclude each other", name(one), name(other)))
        }
        RuleKind::Precedence { first, then } => {
            let then_at = place(then)?;
            // Whether an absent `first` is missing or unseen is the flow's business; a rule speaks when both are seen.
            let first_at = place(first).filter(|first_at| *first_at > then_at)?;
            if super::are_concurrent(scene.definition, attempts[then_at], attempts[first_at]) {
                return None;
            }
            (then_at, format!("{} came before {}", name(then), name(first)))
        }
    };
    Some((at, why))
}
