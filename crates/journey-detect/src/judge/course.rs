//! The steps of one journey, followed through the flow.
//!
//! A step that may not come here is explained in the simplest way: a neighbour within the skew bound came first;
//! else up to [`MISSING_STEPS_MAX`] steps before it are missing; else it is one too many. One fault so gives one
//! deviation, and the course goes on behind it.

use std::collections::{HashSet, VecDeque};

use super::{Judgement, Scene, Standing};
use crate::evidence::{Claim, ClaimId};
use crate::finding::{Alert, Finding, FindingKey, Offence, Reason};
use crate::flow::{Automaton, StateId};
use crate::limits::MISSING_STEPS_MAX;
use crate::{Attempt, Nanos, OrderBy, StageId};

/// The course of one journey.
#[derive(Debug)]
pub(crate) struct Course {
    /// How each attempt stands, in the order given.
    pub(crate) standings: Vec<Standing>,
    /// The steps that count, in order.
    pub(crate) steps: Vec<Step>,
    /// Steps beside the flow: those that came after one they belong before, and those of stages that it does not
    /// have. Only rules look at them.
    aside: Vec<Step>,
    /// Where the journey stands after them.
    pub(crate) state: StateId,
    deviations: Vec<Deviation>,
    /// The first deviation that is held against the order.
    violation: Option<Finding>,
    /// Missing steps that missing numbers may excuse.
    claims: Vec<Claim>,
    /// The first steps lie before the first signal ever seen, or close after it.
    pub(super) began_in_the_middle: bool,
}

/// One step of the course.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Place of its attempt in the list given.
    pub(crate) attempt: usize,
    pub(crate) stage: StageId,
    /// Where the journey stood before it.
    pub(crate) before: StateId,
}

/// A step that may not come where it came.
#[derive(Debug)]
struct Deviation {
    /// Place of its attempt in the list given.
    attempt: usize,
    /// Number of steps before it.
    index: usize,
    expected: Vec<StageId>,
    kind: DeviationKind,
    /// Why it is not held against the order, if it is not.
    excuse: Option<Excuse>,
}

#[derive(Debug)]
enum DeviationKind {
    /// No missing step explains it.
    Extra,
    /// These steps are missing before it.
    Missing(Vec<StageId>),
    /// Steps that belong before it come later.
    Swapped(Vec<StageId>),
}

#[derive(Debug, Clone, Copy)]
enum Excuse {
    /// Steps that lead to it may still be on their way, until this moment; `None` while nobody sees.
    Grace(Option<Nanos>),
    /// The missing steps belong to a process that vanished, or their numbers are missing.
    Unseen,
}

impl Course {
    /// Follows the attempts, which are sorted.
    pub(super) fn follow(
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        order_id: &str,
        attempts: &[&Attempt],
    ) -> Self {
        let standings = standings(scene, attempts);
        let queue: VecDeque<(usize, StageId)> = attempts
            .iter()
            .enumerate()
            .filter(|(at, _)| match standings[*at] {
                Standing::Done => true,
                Standing::Running => scene.definition.order_by == OrderBy::Start,
                _ => false,
            })
            .filter_map(|(at, attempt)| Some((at, scene.definition.stage_named(&attempt.stage)?)))
            .collect();
        let mut course = Self {
            standings,
            steps: Vec::new(),
            aside: Vec::new(),
            state: automaton.initial(),
            deviations: Vec::new(),
            violation: None,
            claims: Vec::new(),
            began_in_the_middle: false,
        };
        course.begin(scene, automaton, attempts, &queue);
        course.walk(scene, automaton, attempts, queue);
        course.close_passed(automaton);
        course.violation = course.held(scene, order_id, attempts);
        course
    }

    /// An order that was under way before the first signal begins wherever its first step can follow.
    fn begin(
        &mut self,
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        attempts: &[&Attempt],
        queue: &VecDeque<(usize, StageId)>,
    ) {
        let Some((first, stage)) = queue.front() else { return };
        let warm_until = scene.first_signal_ns.saturating_add(scene.definition.warm_up_ns);
        let is_warm_up = scene.definition.warm_up_ns > 0 && attempts[*first].first_ns() <= warm_until;
        if is_warm_up && automaton.step(self.state, *stage).is_none() {
            self.state = automaton.everywhere();
            self.began_in_the_middle = true;
        }
    }

    fn walk(
        &mut self,
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        attempts: &[&Attempt],
        mut queue: VecDeque<(usize, StageId)>,
    ) {
        let mut in_flow = HashSet::new();
        scene.definition.flow.for_each_stage(false, &mut |stage, _| {
            in_flow.insert(stage);
        });
        // Steps that were found to come after one they belong before; each explains itself once.
        let mut explained: Vec<StageId> = Vec::new();
        loop {
            while self.take_ties(scene, automaton, attempts, &mut queue, &in_flow) {}
            let Some((at, stage)) = queue.pop_front() else { break };
            let before = self.state;
            if !in_flow.contains(&stage) {
                self.aside.push(Step { attempt: at, stage, before });
                continue;
            }
            if let Some(after) = automaton.step(before, stage) {
                self.state = after;
                self.steps.push(Step { attempt: at, stage, before });
                continue;
            }
            if let Some(concurrent) = concurrent(scene, automaton, attempts, before, (at, stage), &queue) {
                let earlier = queue.remove(concurrent).expect("the place was found in this queue");
                queue.push_front((at, stage));
                queue.push_front(earlier);
                continue;
            }
            if let Some(place) = explained.iter().position(|known| *known == stage) {
                explained.swap_remove(place);
                self.aside.push(Step { attempt: at, stage, before });
                continue;
            }
            let index = self.steps.len();
            let kind = match missing_before(automaton, before, stage) {
                None => DeviationKind::Extra,
                Some((missing, after)) => {
                    self.state = after;
                    self.steps.push(Step { attempt: at, stage, before });
                    if self.close_running(scene, &attempts[..at], &missing) {
                        continue;
                    }
                    let is_later = |stage: &StageId| queue.iter().any(|(_, found)| found == stage);
                    let later: Vec<StageId> = missing.iter().copied().filter(is_later).collect();
                    explained.extend(&later);
                    if later.is_empty() {
                        DeviationKind::Missing(missing)
                    } else {
                        DeviationKind::Swapped(later)
                    }
                }
            };
            let excuse = self.excuse(scene, attempts, at, &kind);
            let expected = automaton.expected(before).collect();
            self.deviations.push(Deviation { attempt: at, index, expected, kind, excuse });
        }
    }

    /// Closes a running attempt of each missing step, if one began before: it is its end that was not seen. Returns
    /// whether there was one for each.
    fn close_running(&mut self, scene: &Scene<'_>, earlier: &[&Attempt], missing: &[StageId]) -> bool {
        let running = |stage: &StageId| {
            earlier.iter().enumerate().position(|(at, attempt)| {
                self.standings[at] == Standing::Running
                    && scene.definition.stage_named(&attempt.stage) == Some(*stage)
            })
        };
        let Some(places) = missing.iter().map(running).collect::<Option<Vec<usize>>>() else { return false };
        places.into_iter().for_each(|place| self.standings[place] = Standing::DoneUnseen);
        true
    }

    /// Why a deviation at this attempt is not held against the order.
    fn excuse(
        &mut self,
        scene: &Scene<'_>,
        attempts: &[&Attempt],
        at: usize,
        kind: &DeviationKind,
    ) -> Option<Excuse> {
        let came = attempts[at];
        if let DeviationKind::Swapped(_) = kind {
            return None;
        }
        if let DeviationKind::Missing(missing) = kind {
            let previous = self.steps.len().checked_sub(2).map(|place| &self.steps[place]);
            let between_ns = (previous.map_or(0, |step| attempts[step.attempt].first_ns()), came.last_ns());
            let mut are_unseen = true;
            for (what, stage) in (0..).zip(missing) {
                let id = ClaimId { by: came.id, what };
                // No short cut: each missing step claims its number.
                are_unseen &= scene.is_unseen(*stage, id, between_ns, &mut self.claims);
            }
            if are_unseen {
                return Some(Excuse::Unseen);
            }
        }
        let deadline = scene.grace_after(came.first_ns());
        (deadline.is_none_or(|deadline| scene.now < deadline)).then_some(Excuse::Grace(deadline))
    }

    /// The first deviation that is held against the order. One that stands needs no grace again.
    fn held(&mut self, scene: &Scene<'_>, order_id: &str, attempts: &[&Attempt]) -> Option<Finding> {
        self.deviations.iter_mut().find_map(|deviation| {
            let finding = violation(scene, order_id, attempts, deviation);
            let is_held = match deviation.excuse {
                None => true,
                Some(Excuse::Grace(_)) => scene.stands(&finding),
                Some(Excuse::Unseen) => false,
            };
            is_held.then(|| {
                deviation.excuse = None;
                finding
            })
        })
    }

    /// A running stage is done, its end unseen, once a step comes that could not have come without it.
    fn close_passed(&mut self, automaton: &mut Automaton) {
        for place in 0..self.steps.len() {
            let step = &self.steps[place];
            if self.standings[step.attempt] != Standing::Running {
                continue;
            }
            let mut without = step.before;
            let is_passed = self.steps[place + 1..].iter().any(|later| {
                let next = automaton.step(without, later.stage);
                without = next.unwrap_or(without);
                next.is_none()
            });
            if is_passed {
                self.standings[step.attempt] = Standing::DoneUnseen;
            }
        }
    }

    /// How many steps came before this attempt, wherever they came.
    pub(super) fn steps_before(&self, attempt: usize) -> usize {
        self.steps.iter().chain(&self.aside).filter(|step| step.attempt < attempt).count()
    }

    /// The place of the first attempt that was a step of this stage, wherever it came.
    pub(super) fn first(&self, stage: StageId) -> Option<usize> {
        let steps = self.steps.iter().chain(&self.aside);
        steps.filter(|step| step.stage == stage).map(|step| step.attempt).min()
    }

    /// The steps that count, wherever they came, in the order of their attempts.
    pub(super) fn all_steps(&self) -> Vec<(usize, StageId)> {
        let steps = self.steps.iter().chain(&self.aside);
        let mut all: Vec<(usize, StageId)> = steps.map(|step| (step.attempt, step.stage)).collect();
        all.sort_unstable();
        all
    }

    /// Whether the flow itself misses a step of this stage.
    pub(super) fn misses(&self, stage: StageId) -> bool {
        self.deviations.iter().any(|deviation| match &deviation.kind {
            DeviationKind::Missing(stages) | DeviationKind::Swapped(stages) => stages.contains(&stage),
            DeviationKind::Extra => false,
        })
    }

    /// Whether a step is missing and that is not held against the order.
    pub(super) fn has_gap(&self) -> bool {
        self.began_in_the_middle || self.deviations.iter().any(|deviation| deviation.excuse.is_some())
    }

    /// Reports the first deviation that is held against the order. Returns whether there is one.
    pub(super) fn report(&self, judgement: &mut Judgement) -> bool {
        for deviation in &self.deviations {
            if let Some(Excuse::Grace(until)) = deviation.excuse {
                judgement.look_again(until);
            }
        }
        judgement.claims.extend(self.claims.iter().cloned());
        judgement.findings.extend(self.violation.clone());
        self.violation.is_some()
    }
}

fn violation(scene: &Scene<'_>, order_id: &str, attempts: &[&Attempt], deviation: &Deviation) -> Finding {
    let attempt = attempts[deviation.attempt];
    let names = |stages: &[StageId]| {
        let names: Vec<&str> = stages.iter().map(|stage| &*scene.definition.stage(*stage).name).collect();
        names.join(", ")
    };
    let stage = &attempt.stage;
    let (reason, summary) = match &deviation.kind {
        DeviationKind::Swapped(later) => {
            (Reason::WrongOrder, format!("{stage} came before {}", names(later)))
        }
        DeviationKind::Missing(missing) => {
            (Reason::MissingStep, format!("{stage} came without {}", names(missing)))
        }
        DeviationKind::Extra => (Reason::WrongOrder, format!("{stage} came where it may not come")),
    };
    let expected = names(&deviation.expected);
    Finding {
        key: FindingKey {
            order: order_id.into(),
            stage: stage.clone(),
            rule: Some("flow".into()),
            ..FindingKey::new(Alert::OrderViolation)
        },
        cause: format!("{}/{reason}", attempt.id.span_id).into(),
        reason,
        summary: summary.into(),
        waiting_for: None,
        evidence: format!("step {} is {stage}, expected one of: {expected}", deviation.index).into(),
        trace_id: Some(attempt.id.trace_id),
        since_ns: attempt.first_ns(),
        offence: Some(Offence {
            index: deviation.index,
            expected: deviation
                .expected
                .iter()
                .map(|stage| scene.definition.stage(*stage).name.as_str().into())
                .collect(),
            at_ns: super::order(scene.definition, attempt).0,
        }),
        orders: None,
    }
}

/// How each attempt stands before the flow is followed.
fn standings(scene: &Scene<'_>, attempts: &[&Attempt]) -> Vec<Standing> {
    let mut in_loop = Vec::new();
    scene.definition.flow.for_each_stage(false, &mut |stage, looped| {
        if looped {
            in_loop.push(stage);
        }
    });
    let standing = |(at, attempt): (usize, &&Attempt)| {
        let Some(stage) = scene.definition.stage_named(&attempt.stage) else { return Standing::Unplaced };
        if attempt.has_failed() {
            return Standing::Failed;
        }
        if !attempt.is_open() {
            return Standing::Done;
        }
        if is_superseded(attempts, at, in_loop.contains(&stage)) {
            return Standing::Superseded;
        }
        // Its start may be lost; a beat shows it as well.
        Standing::Running
    };
    attempts.iter().enumerate().map(standing).collect()
}

/// An open attempt is superseded by a newer one of its stage; in a loop, where a stage repeats, only by the next step.
fn is_superseded(attempts: &[&Attempt], at: usize, in_loop: bool) -> bool {
    let open = attempts[at];
    let newer =
        |other: &&&Attempt| (other.first_ns(), other.id) > (open.first_ns(), open.id) && other.id != open.id;
    let mut later: Vec<_> = attempts.iter().filter(newer).collect();
    later.sort_by_key(|attempt| (attempt.first_ns(), attempt.id));
    if in_loop {
        later.truncate(1)
    }
    later.iter().any(|other| other.stage == open.stage)
}

/// The place in the queue of a step that happened at the same time elsewhere and may come first.
fn concurrent(
    scene: &Scene<'_>,
    automaton: &mut Automaton,
    attempts: &[&Attempt],
    state: StateId,
    (at, stage): (usize, StageId),
    queue: &VecDeque<(usize, StageId)>,
) -> Option<usize> {
    let this = attempts[at];
    let (this_ns, _) = super::order(scene.definition, this);
    let is_close = |other: &Attempt| {
        super::order(scene.definition, other).0.abs_diff(this_ns) <= scene.definition.skew_ns
    };
    let close = queue.iter().enumerate().take_while(|(_, (other, _))| is_close(attempts[*other]));
    let mut elsewhere =
        close.filter(|(_, (other, _))| super::are_concurrent(scene.definition, this, attempts[*other]));
    elsewhere.find_map(|(place, (_, other_stage))| {
        let after = automaton.step(state, *other_stage)?;
        automaton.step(after, stage).map(|_| place)
    })
}

/// The fewest steps that are missing before `stage`, and the state after it.
fn missing_before(
    automaton: &mut Automaton,
    from: StateId,
    stage: StageId,
) -> Option<(Vec<StageId>, StateId)> {
    let mut reached: VecDeque<(StateId, Vec<StageId>)> = VecDeque::from([(from, Vec::new())]);
    let mut seen = vec![from];
    while let Some((state, missing)) = reached.pop_front() {
        if let Some(after) = automaton.step(state, stage) {
            return Some((missing, after));
        }
        if missing.len() == MISSING_STEPS_MAX {
            continue;
        }
        let expected: Vec<StageId> = automaton.expected(state).collect();
        for step in expected {
            let Some(after) = automaton.step(state, step) else { continue };
            if !seen.contains(&after) {
                seen.push(after);
                reached.push_back((after, missing.iter().copied().chain([step]).collect()));
            }
        }
    }
    None
}
