//! One journey's facts and the time, to a verdict and findings. A pure function: the same facts and the same time
//! give the same judgement, whichever way they came.
//!
//! The attempts are put in order and followed through the flow ([`course`]); rules look at the same steps
//! ([`rules`]); what stays open is held against its deadlines ([`silence`]).

mod course;
mod rules;
mod silence;

use crate::flow::Automaton;
use crate::instance::Instances;
use crate::{Attempt, Definition, Finding, Nanos, Sight};

pub(crate) use course::Course;

/// What stands about a journey as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A step is missing, and there is reason to think that it was not seen rather than not done.
    EvidenceGap,
    /// All fits, and the journey may not end here.
    Open,
    /// All fits, and the journey may end here.
    Ok {
        /// Nothing may follow.
        is_final: bool,
    },
    /// A step came that may not come here, or a rule is broken.
    Violated,
}

impl Verdict {
    /// The verdict as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::EvidenceGap => "evidence_gap",
            Verdict::Open => "open",
            Verdict::Ok { .. } => "ok",
            Verdict::Violated => "violated",
        }
    }
}

/// How one attempt stands in its journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Ended well.
    Done,
    /// Its end was not seen; a later step shows that it is done.
    DoneUnseen,
    /// Ended otherwise than well; no step.
    Failed,
    /// Not ended.
    Running,
    /// Not ended, and a newer attempt has begun; no step.
    Superseded,
    /// Its name is not in the definition, or only beats of it were seen; no step.
    Unplaced,
}

impl Standing {
    /// The standing as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Done => "done",
            Standing::DoneUnseen => "done_unseen",
            Standing::Failed => "failed",
            Standing::Running => "running",
            Standing::Superseded => "superseded",
            Standing::Unplaced => "unplaced",
        }
    }
}

/// A stage that a journey waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The stage.
    pub stage: Box<str>,
    /// Since when, in nanoseconds since the Unix epoch.
    pub since_ns: Nanos,
    /// When the wait has lasted too long: event time plus `start_within`, whether anybody sees or not.
    pub until_ns: Option<Nanos>,
}

/// What the judge knows beside the journey's own attempts.
pub(crate) struct Scene<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) instances: &'a Instances,
    pub(crate) sight: Sight,
    pub(crate) now: Nanos,
    /// When the first signal ever came.
    pub(crate) first_signal_ns: Nanos,
    /// Findings that stand about this journey.
    pub(crate) standing: &'a [Finding],
}

impl Scene<'_> {
    /// Whether this very finding stands already, whoever saw it.
    fn stands(&self, finding: &Finding) -> bool {
        self.standing.iter().any(|known| known.is_same(finding))
    }
}

/// What the judge says.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) findings: Vec<Finding>,
    pub(crate) waits: Vec<Wait>,
    /// One for each attempt, in the order they were given.
    pub(crate) standings: Vec<Standing>,
    /// When to judge again though nothing came.
    pub(crate) next_ns: Option<Nanos>,
}

impl Judgement {
    /// Notes that the judgement may change at this moment.
    fn look_again(&mut self, at: Option<Nanos>) {
        self.next_ns = match (self.next_ns, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// Judges one journey. `attempts` must be sorted by [`order`].
pub(crate) fn judge(
    scene: &Scene<'_>,
    automaton: &mut Automaton,
    order_id: &str,
    attempts: &[&Attempt],
) -> Judgement {
    automaton.trim();
    let course = Course::follow(scene, automaton, order_id, attempts);
    let mut judgement = Judgement {
        verdict: Verdict::Open,
        findings: Vec::new(),
        waits: Vec::new(),
        standings: course.standings.clone(),
        next_ns: None,
    };
    let is_violated =
        course.report(&mut judgement) | rules::report(scene, &course, order_id, attempts, &mut judgement);
    silence::report(scene, automaton, &course, order_id, attempts, &mut judgement);
    let is_running = course.standings.contains(&Standing::Running);
    judgement.verdict = match () {
        () if is_violated => Verdict::Violated,
        () if course.has_gap() => Verdict::EvidenceGap,
        () if automaton.may_end(course.state) && !is_running => {
            Verdict::Ok { is_final: automaton.expected(course.state).next().is_none() }
        }
        () => Verdict::Open,
    };
    judgement.findings.sort_by(|one, other| one.key.cmp(&other.key));
    judgement
}

/// The order in which attempts are followed: event time, then ids.
pub(crate) fn order(definition: &Definition, attempt: &Attempt) -> (Nanos, crate::AttemptId) {
    let at = match definition.order_by {
        crate::OrderBy::Start => attempt.first_ns(),
        // An open stage comes after all that is done.
        crate::OrderBy::End => attempt.end_ns.unwrap_or(Nanos::MAX),
    };
    (at, attempt.id)
}

/// Whether nobody can say which of the two came first: clocks of different instances differ by the skew bound. A
/// parent and its child are in order, however close they are.
fn are_concurrent(definition: &Definition, one: &Attempt, other: &Attempt) -> bool {
    let [(one_ns, _), (other_ns, _)] = [one, other].map(|attempt| order(definition, attempt));
    let is_joined = one.id.trace_id == other.id.trace_id
        && (one.parent_span_id == Some(other.id.span_id) || other.parent_span_id == Some(one.id.span_id));
    one_ns.abs_diff(other_ns) <= definition.skew_ns && one.instance != other.instance && !is_joined
}
