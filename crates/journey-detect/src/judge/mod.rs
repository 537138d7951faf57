//! One journey's facts and the time, to a verdict and findings. A pure function: the same facts and the same time
//! give the same judgement, whichever way they came.
//!
//! The attempts are put in order and followed through the flow ([`course`]); rules look at the same steps
//! ([`rules`]); what stays open is held against its deadlines ([`silence`]).

mod course;
mod deviation;
mod learnt;
mod retries;
mod rules;
mod silence;
mod ties;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use crate::evidence::{Claim, ClaimId};
use crate::flow::Automaton;
use crate::instance::Instances;
use crate::limits::BEATS_MISSED_MAX;
use crate::survival::{Lasted, Survival};
use crate::{Allowance, Attempt, Definition, Finding, Nanos, Sight, StageId, Storm};

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
    pub stage: Arc<str>,
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
    /// Its missing steps that missing numbers excuse.
    pub(crate) granted: Option<&'a BTreeSet<ClaimId>>,
    /// How many failed attempts of each stage make a storm, by the place of the stage.
    pub(crate) storms_from: &'a [u32],
    /// How long stages and waits last, where the definition sets no limit.
    pub(crate) survival: &'a Survival,
}

impl Scene<'_> {
    /// Whether this very finding stands already, whoever saw it.
    fn stands(&self, finding: &Finding) -> bool {
        self.standing.iter().any(|known| known.is_same(finding))
    }

    /// Whether there is evidence that a missing step, of one of these stages, was not seen, rather than not done.
    fn is_unseen(
        &self,
        stages: &[StageId],
        id: ClaimId,
        between_ns: (Nanos, Nanos),
        claims: &mut Vec<Claim>,
    ) -> bool {
        let services: BTreeSet<&str> =
            stages.iter().map(|stage| &*self.definition.stage(*stage).service).collect();
        let interval_ns = self.definition.beat_interval_ns;
        let has_vanished = |service: &&str| {
            self.instances.one_vanished(service, between_ns, interval_ns, self.sight, self.now)
        };
        if services.iter().any(has_vanished) {
            return true;
        }
        let services = services.into_iter().map(Into::into).collect();
        claims.push(Claim { id, services, between_ns });
        self.granted.is_some_and(|granted| granted.contains(&id))
    }

    /// Until when what should have come before this moment may still be on its way; `None` while nobody sees.
    fn grace_after(&self, came_ns: Nanos) -> Option<Nanos> {
        let grace = self.definition.beat_interval_ns.saturating_mul(BEATS_MISSED_MAX);
        self.sight.deadline(came_ns, Allowance::Elapsed(grace))
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
    /// Missing steps that missing numbers may excuse.
    pub(crate) claims: Vec<Claim>,
    /// Stages of which it had too many failed attempts, whether they went well later or not.
    pub(crate) storms: Vec<Storm>,
    /// How long its stages and waits lasted, and those that go on.
    pub(crate) lasted: Lasted,
    /// A step that a rule wants is missing, and that is not held against the order.
    has_gap: bool,
    /// Nothing is wrong, missing or closed by others: a later beat would change no word of it.
    pub(crate) is_quiet: bool,
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
    attempts: &[Seen<'_>],
) -> Judgement {
    automaton.trim();
    let course = Course::follow(scene, automaton, order_id, attempts);
    let mut judgement = Judgement {
        verdict: Verdict::Open,
        findings: Vec::new(),
        waits: Vec::new(),
        standings: course.standings.clone(),
        next_ns: None,
        claims: Vec::new(),
        storms: Vec::new(),
        lasted: Lasted::default(),
        has_gap: false,
        is_quiet: false,
    };
    let is_violated = course.report(&mut judgement)
        | rules::report(scene, automaton, &course, order_id, attempts, &mut judgement);
    retries::report(scene, &course, order_id, attempts, &mut judgement);
    silence::report(scene, automaton, &course, order_id, attempts, &mut judgement);
    let is_running = course.standings.contains(&Standing::Running);
    judgement.verdict = match () {
        () if is_violated => Verdict::Violated,
        () if course.has_gap() || judgement.has_gap => Verdict::EvidenceGap,
        () if automaton.may_end(course.state) && !is_running => {
            Verdict::Ok { is_final: automaton.expected(course.state).is_empty() }
        }
        () => Verdict::Open,
    };
    let is_closed = |standing: &Standing| matches!(standing, Standing::DoneUnseen | Standing::Superseded);
    judgement.is_quiet = judgement.findings.is_empty()
        && judgement.claims.is_empty()
        && !matches!(judgement.verdict, Verdict::EvidenceGap | Verdict::Violated)
        && !judgement.standings.iter().any(is_closed);
    judgement.findings.sort_by(|one, other| one.key.cmp(&other.key));
    judgement
}

/// An attempt, and what the definition says that it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) attempt: &'a Attempt,
    /// Its stage, if the definition has it.
    pub(crate) of: Option<StageId>,
}

impl Definition {
    /// An attempt with its stage.
    pub(crate) fn see<'a>(&self, attempt: &'a Attempt) -> Seen<'a> {
        Seen { attempt, of: self.stage_named(&attempt.stage) }
    }
}

impl Deref for Seen<'_> {
    type Target = Attempt;

    fn deref(&self) -> &Attempt {
        self.attempt
    }
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

/// Whether one attempt names the other as its parent or in a link.
fn is_caused_by(one: &Attempt, other: &Attempt) -> bool {
    let is_child = one.id.trace_id == other.id.trace_id && one.parent_span_id == Some(other.id.span_id);
    is_child || one.links.binary_search(&other.id).is_ok()
}

/// Whether nobody can say which of the two came first: they are of one very moment, or clocks of different instances
/// differ by the skew bound. What is joined by parent or link is in order, however close they are.
fn are_concurrent(definition: &Definition, one: &Attempt, other: &Attempt) -> bool {
    let [(one_ns, _), (other_ns, _)] = [one, other].map(|attempt| order(definition, attempt));
    let is_close = one.instance != other.instance && one_ns.abs_diff(other_ns) <= definition.skew_ns;
    (is_close || one_ns == other_ns) && !is_caused_by(one, other) && !is_caused_by(other, one)
}
