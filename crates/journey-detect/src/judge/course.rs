//! The steps of one journey, followed through the flow.
//!
//! A step that may not come here is explained in the simplest way: a neighbour within the skew bound came first;
//! else up to [`MISSING_STEPS_MAX`] steps before it are missing, or more if there is evidence that they were not seen;
//! else it is one too many. One fault so gives one deviation, and the course goes on behind it.

use std::collections::VecDeque;

use super::deviation::{Deviation, DeviationKind, Excuse, swapped};
use super::{Judgement, Scene, Seen, Standing};
use crate::Finding;
use crate::evidence::{Claim, ClaimId};
use crate::flow::{Automaton, Missing, StateId};
use crate::limits::MISSING_STEPS_MAX;
use crate::{Attempt, Nanos, OrderBy, StageId};

/// The course of one journey.
#[derive(Debug)]
pub(crate) struct Course {
    /// How each attempt stands, in the order given.
    pub(crate) standings: Vec<Standing>,
    /// The steps that count, in order.
    pub(crate) steps: Vec<Step>,
    /// Places and stages of steps beside the flow: those that came after one they belong before, those that came where
    /// they may not come at all, and those of stages that it does not have. Only rules look at them.
    aside: Vec<(usize, StageId)>,
    /// Place and stage of all steps that count, wherever they came, in the order of their attempts.
    pub(super) all: Vec<(usize, StageId)>,
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

impl Course {
    /// Follows the attempts, which are sorted.
    pub(super) fn follow(
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        order_id: &str,
        attempts: &[Seen<'_>],
    ) -> Self {
        let standings = standings(scene, attempts);
        let mut queue: VecDeque<(usize, StageId)> = VecDeque::with_capacity(attempts.len());
        let counts = |at: usize| match standings[at] {
            Standing::Done => true,
            Standing::Running => scene.definition.order_by == OrderBy::Start,
            _ => false,
        };
        let steps = attempts.iter().enumerate().filter(|(at, _)| counts(*at));
        queue.extend(steps.filter_map(|(at, attempt)| Some((at, attempt.of?))));
        let mut course = Self {
            standings,
            steps: Vec::with_capacity(queue.len()),
            aside: Vec::new(),
            all: Vec::with_capacity(queue.len()),
            state: automaton.initial(),
            deviations: Vec::new(),
            violation: None,
            claims: Vec::new(),
            began_in_the_middle: false,
        };
        course.begin(scene, automaton, attempts, &queue);
        course.walk(scene, automaton, attempts, queue);
        course.all.extend(course.steps.iter().map(|step| (step.attempt, step.stage)));
        course.all.extend(&course.aside);
        course.all.sort_unstable();
        course.close_passed(automaton);
        course.violation = course.held(scene, order_id, attempts);
        course
    }

    /// An order that was under way before the first signal begins wherever its first step can follow.
    fn begin(
        &mut self,
        scene: &Scene<'_>,
        automaton: &mut Automaton,
        attempts: &[Seen<'_>],
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
        attempts: &[Seen<'_>],
        mut queue: VecDeque<(usize, StageId)>,
    ) {
        // Steps that were found to come after one they belong before; each explains itself once.
        let mut explained: Vec<StageId> = Vec::new();
        let is_in_flow = |(_, stage): &(usize, StageId)| scene.definition.is_in_flow(*stage);
        if !queue.iter().all(is_in_flow) {
            self.aside.extend(queue.iter().filter(|step| !is_in_flow(step)));
            queue.retain(is_in_flow);
        }
        // How many of the next steps were not taken though they may be taken in any order.
        let mut left_over = 0_usize;
        loop {
            while left_over == 0 && !queue.is_empty() {
                left_over = self.take_ties(scene, automaton, attempts, &mut queue);
            }
            left_over = left_over.saturating_sub(1);
            let Some((at, stage)) = queue.pop_front() else { break };
            let before = self.state;
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
                self.aside.push((at, stage));
                continue;
            }
            let index = self.steps.len();
            let missing = automaton.missing_before(before, stage);
            let since_ns =
                missing.as_ref().map_or(0, |missing| self.expected_since(automaton, attempts, missing));
            let kind = match missing {
                Some(missing) if missing.steps.len() <= MISSING_STEPS_MAX => {
                    self.state = missing.after;
                    self.steps.push(Step { attempt: at, stage, before });
                    if self.close_running(&attempts[..at], &missing.steps) {
                        continue;
                    }
                    let later = swapped(automaton, &missing, &queue);
                    explained.extend(&later);
                    if later.is_empty() {
                        DeviationKind::Missing(missing.steps)
                    } else {
                        DeviationKind::Swapped(later)
                    }
                }
                Some(missing) if self.are_unseen(scene, &attempts[at], since_ns, &missing.steps) => {
                    self.state = missing.after;
                    self.steps.push(Step { attempt: at, stage, before });
                    DeviationKind::Missing(missing.steps)
                }
                _ => {
                    self.aside.push((at, stage));
                    DeviationKind::Extra
                }
            };
            let excuse = self.excuse(scene, &attempts[at], since_ns, &kind);
            let expected = automaton.expected(before).to_vec();
            self.deviations.push(Deviation { attempt: at, index, expected, kind, excuse });
        }
    }

    /// From when on the first missing step can have come: the start of the step that made it possible.
    fn expected_since(&self, automaton: &Automaton, attempts: &[Seen<'_>], missing: &Missing) -> Nanos {
        let Some(first) = missing.steps.first() else { return 0 };
        let expects = |state: StateId| automaton.expected(state).iter().any(|stage| first.contains(stage));
        let enabling = self.steps.iter().rev().find(|step| !expects(step.before));
        enabling.map_or(0, |step| attempts[step.attempt].first_ns())
    }

    /// Closes a running attempt of each missing step, if one began before: it is its end that was not seen. Returns
    /// whether there was one for each.
    fn close_running(&mut self, earlier: &[Seen<'_>], missing: &[Vec<StageId>]) -> bool {
        let running = |stages: &Vec<StageId>| {
            earlier.iter().enumerate().position(|(at, attempt)| {
                self.standings[at] == Standing::Running
                    && attempt.of.is_some_and(|stage| stages.contains(&stage))
            })
        };
        let Some(places) = missing.iter().map(running).collect::<Option<Vec<usize>>>() else { return false };
        places.into_iter().for_each(|place| self.standings[place] = Standing::DoneUnseen);
        true
    }

    /// Whether there is evidence for each of these steps, missing before the one that came, that it was not seen.
    fn are_unseen(
        &mut self,
        scene: &Scene<'_>,
        came: &Attempt,
        since_ns: Nanos,
        missing: &[Vec<StageId>],
    ) -> bool {
        let mut are_unseen = true;
        for (what, stages) in (0..).zip(missing) {
            let id = ClaimId { by: came.id, what };
            // No short cut: each missing step claims its number.
            are_unseen &= scene.is_unseen(stages, id, (since_ns, came.last_ns()), &mut self.claims);
        }
        are_unseen
    }

    /// Why a deviation at the step that came is not held against the order.
    fn excuse(
        &mut self,
        scene: &Scene<'_>,
        came: &Attempt,
        since_ns: Nanos,
        kind: &DeviationKind,
    ) -> Option<Excuse> {
        match kind {
            DeviationKind::Swapped(_) => return None,
            DeviationKind::Missing(missing) if missing.len() > MISSING_STEPS_MAX => {
                return Some(Excuse::Unseen);
            }
            DeviationKind::Missing(missing) if self.are_unseen(scene, came, since_ns, missing) => {
                return Some(Excuse::Unseen);
            }
            DeviationKind::Missing(_) | DeviationKind::Extra => {}
        }
        let deadline = scene.grace_after(came.first_ns());
        (deadline.is_none_or(|deadline| scene.now < deadline)).then_some(Excuse::Grace(deadline))
    }

    /// The first deviation that is held against the order. One that stands needs no grace again.
    fn held(&mut self, scene: &Scene<'_>, order_id: &str, attempts: &[Seen<'_>]) -> Option<Finding> {
        self.deviations.iter_mut().find_map(|deviation| {
            let finding = deviation.violation(scene, order_id, attempts);
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
        self.all.iter().filter(|(at, _)| *at < attempt).count()
    }

    /// The place of the first attempt that was a step of this stage, wherever it came.
    pub(super) fn first(&self, stage: StageId) -> Option<usize> {
        self.all.iter().find(|(_, found)| *found == stage).map(|(at, _)| *at)
    }

    /// Whether the flow itself misses a step of this stage.
    pub(super) fn misses(&self, stage: StageId) -> bool {
        self.deviations.iter().any(|deviation| match &deviation.kind {
            DeviationKind::Missing(steps) => steps.iter().flatten().any(|missing| *missing == stage),
            DeviationKind::Swapped(stages) => stages.contains(&stage),
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

/// How each attempt stands before the flow is followed.
fn standings(scene: &Scene<'_>, attempts: &[Seen<'_>]) -> Vec<Standing> {
    let standing = |(at, attempt): (usize, &Seen<'_>)| {
        let Some(stage) = attempt.of else { return Standing::Unplaced };
        if attempt.has_failed() {
            return Standing::Failed;
        }
        if !attempt.is_open() {
            return Standing::Done;
        }
        if is_superseded(attempts, at, scene.definition.is_in_loop(stage)) {
            return Standing::Superseded;
        }
        // Its start may be lost; a beat shows it as well.
        Standing::Running
    };
    attempts.iter().enumerate().map(standing).collect()
}

/// An open attempt is superseded by a newer one of its stage; in a loop, where a stage repeats, only by the next step.
fn is_superseded(attempts: &[Seen<'_>], at: usize, in_loop: bool) -> bool {
    let open = attempts[at];
    let newer = |other: &&Seen<'_>| (other.first_ns(), other.id) > (open.first_ns(), open.id);
    let mut later = attempts.iter().filter(newer);
    if !in_loop {
        return later.any(|other| other.of == open.of);
    }
    let next = later.min_by_key(|attempt| (attempt.first_ns(), attempt.id));
    next.is_some_and(|other| other.of == open.of)
}

/// The place in the queue of a step that happened at the same time elsewhere and may come first.
fn concurrent(
    scene: &Scene<'_>,
    automaton: &mut Automaton,
    attempts: &[Seen<'_>],
    state: StateId,
    (at, stage): (usize, StageId),
    queue: &VecDeque<(usize, StageId)>,
) -> Option<usize> {
    let this = &attempts[at];
    let (this_ns, _) = super::order(scene.definition, this);
    let is_close = |other: &Attempt| {
        super::order(scene.definition, other).0.abs_diff(this_ns) <= scene.definition.skew_ns
    };
    let close = queue.iter().enumerate().take_while(|(_, (other, _))| is_close(&attempts[*other]));
    let mut elsewhere =
        close.filter(|(_, (other, _))| super::are_concurrent(scene.definition, this, &attempts[*other]));
    elsewhere.find_map(|(place, (_, other_stage))| {
        let after = automaton.step(state, *other_stage)?;
        automaton.step(after, stage).map(|_| place)
    })
}
