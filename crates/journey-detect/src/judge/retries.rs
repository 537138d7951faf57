//! Retry storms: one stage of one order fails again and again.

use std::collections::BTreeMap;

use journey_model::StageOutcome;

use super::{Course, Judgement, Scene, Seen, Standing};
use crate::finding::{Alert, Finding, FindingKey, Reason};
use crate::limits::RETRY_WINDOW_NS;
use crate::{Attempt, Nanos, StageId, Storm, clock_time};

/// Reports stages with more failed attempts than usual. The finding stands until the stage goes well, or the order
/// goes on without it; that there was a storm stays true.
pub(super) fn report(
    scene: &Scene<'_>,
    course: &Course,
    order_id: &str,
    attempts: &[Seen<'_>],
    judgement: &mut Judgement,
) {
    for (stage, mut failed) in failures(attempts) {
        failed.sort_by_key(|attempt| (attempt.end_ns, attempt.id));
        let enough = scene.storms_from[usize::from(stage.0)] as usize;
        let Some((first, last)) = storm(&failed, enough) else { continue };
        let name = &scene.definition.stage(stage).name;
        let attempts_failed = last - first + 1;
        judgement.storms.push(Storm {
            stage: (&**name).into(),
            at_ns: ended(failed[first + enough - 1]),
            attempts: attempts_failed,
        });
        let last_ns = ended(failed[failed.len() - 1]);
        let went_on = attempts.iter().zip(&course.standings).any(|(attempt, standing)| {
            matches!(standing, Standing::Done | Standing::DoneUnseen)
                && attempt.end_ns.unwrap_or(attempt.last_ns()) > last_ns
        });
        if went_on {
            continue;
        }
        let error = failed
            .iter()
            .rev()
            .find_map(|attempt| attempt.error_type.as_deref())
            .unwrap_or("no reason given");
        let begun_ns = failed[first].first_ns();
        judgement.findings.push(Finding {
            key: FindingKey::of_order(Alert::RetryStorm, order_id, name),
            cause: failed[first].id.span_id.to_string().into(),
            reason: Reason::Retries,
            summary: format!("{name} has failed again and again since {}", clock_time(begun_ns)).into(),
            waiting_for: Some((&**name).into()),
            evidence: format!("{attempts_failed} failed attempts, {enough} are a storm; last: {error}")
                .into(),
            trace_id: Some(failed[failed.len() - 1].id.trace_id),
            since_ns: begun_ns,
            offence: None,
            orders: None,
        });
    }
}

/// The failed attempts of each stage of the definition.
fn failures<'a>(attempts: &[Seen<'a>]) -> BTreeMap<StageId, Vec<&'a Attempt>> {
    let mut failures: BTreeMap<StageId, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.outcome == Some(StageOutcome::Failed)) {
        if let Some(stage) = attempt.of {
            failures.entry(stage).or_default().push(attempt.attempt);
        }
    }
    failures
}

/// First and last place of the first failures that lie close enough together, and of those that follow as closely.
fn storm(failed: &[&Attempt], enough: usize) -> Option<(usize, usize)> {
    let first = failed
        .windows(enough)
        .position(|window| ended(window[enough - 1]) - ended(window[0]) <= RETRY_WINDOW_NS)?;
    let following = failed.windows(2).skip(first);
    let close = following.take_while(|pair| ended(pair[1]) - ended(pair[0]) <= RETRY_WINDOW_NS);
    Some((first, first + close.count()))
}

fn ended(attempt: &Attempt) -> Nanos {
    attempt.end_ns.unwrap_or(0)
}
