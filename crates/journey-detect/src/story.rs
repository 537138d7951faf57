//! One journey told to a person: what happened, what it waits for, what is wrong.

use std::fmt;
use std::sync::Arc;

use crate::allowance::{duration, moment};
use crate::flow::Automaton;
use crate::instance::Instances;
use crate::judge::{self, Scene, Seen};
use crate::limits::RETRIES_MIN;
use crate::survival::Survival;
use crate::{
    Alert, Attempt, Definition, Finding, Instance, Nanos, Sight, Standing, Verdict, Wait, clock_time,
};

/// One journey, told.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The order, or the best name of a journey without one.
    pub order: Box<str>,
    /// Keys and values of its attempts.
    pub keys: Vec<(Arc<str>, Arc<str>)>,
    /// The verdict.
    pub verdict: Verdict,
    /// Each attempt, in order.
    pub chapters: Vec<Chapter>,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// Findings, those that stand first.
    pub findings: Vec<Finding>,
    /// When it is told.
    pub now_ns: Nanos,
}

/// One attempt of the story.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapter {
    /// The attempt.
    pub attempt: Attempt,
    /// How it stands.
    pub state: ChapterState,
    /// Time between the end of the step before it and its start, in nanoseconds. `None` for the first, and where
    /// they overlap.
    pub wait_ns: Option<Nanos>,
    /// How long it took, or has been running, in nanoseconds. `None` if that was not seen.
    pub duration_ns: Option<Nanos>,
}

/// How an attempt stands, as told.
pub type ChapterState = Standing;

impl Story {
    /// Tells the journey of these attempts. `standing` are the findings that stand, as they were reported;
    /// `first_signal_ns` is when the first signal ever came.
    #[expect(clippy::too_many_arguments, reason = "each is one kind of row, told apart by its type")]
    pub fn tell(
        definition: &Definition,
        order: &str,
        verdict: Verdict,
        mut attempts: Vec<Attempt>,
        instances: impl IntoIterator<Item = Instance>,
        standing: Vec<Finding>,
        first_signal_ns: Nanos,
        now_ns: Nanos,
    ) -> Self {
        attempts.sort_by_cached_key(|attempt| judge::order(definition, attempt));
        let seen: Vec<Seen<'_>> = attempts.iter().map(|attempt| definition.see(attempt)).collect();
        let mut known = Instances::default();
        instances.into_iter().for_each(|instance| known.restore(instance));
        let scene = Scene {
            definition,
            instances: &known,
            sight: Sight::Blind,
            now: now_ns,
            first_signal_ns,
            standing: &standing,
            granted: None,
            storms_from: &vec![RETRIES_MIN; definition.stages.len()],
            survival: &Survival::new(definition),
        };
        let mut automaton = Automaton::new(definition.net.clone());
        let judgement = judge::judge(&scene, &mut automaton, order, &seen);
        let mut keys: Vec<_> = attempts.iter().flat_map(|attempt| attempt.keys.iter().cloned()).collect();
        keys.sort();
        keys.dedup();
        let chapters = chapters(attempts, &judgement.standings, now_ns);
        let order = order.into();
        Self { order, keys, verdict, chapters, waits: judgement.waits, findings: standing, now_ns }
    }
}

fn chapters(attempts: Vec<Attempt>, standings: &[Standing], now_ns: Nanos) -> Vec<Chapter> {
    let mut last_end_ns = None;
    let mut chapters = Vec::with_capacity(attempts.len());
    for (attempt, state) in attempts.into_iter().zip(standings) {
        let wait_ns =
            attempt.start_ns.zip(last_end_ns).and_then(|(start, end): (Nanos, Nanos)| start.checked_sub(end));
        let end_ns = attempt.end_ns.or((*state == Standing::Running).then_some(now_ns));
        let duration_ns = attempt.start_ns.zip(end_ns).map(|(start, end)| end.saturating_sub(start));
        last_end_ns = last_end_ns.max(attempt.end_ns);
        chapters.push(Chapter { attempt, state: *state, wait_ns, duration_ns });
    }
    chapters
}

impl fmt::Display for Story {
    /// The story as text, one line an attempt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok { is_final: true } => "done",
            Verdict::Ok { is_final: false } => "done so far",
            Verdict::Open => "under way",
            Verdict::EvidenceGap => "under way, some steps were not seen",
            Verdict::Violated => "steps came in a wrong order",
        };
        writeln!(f, "order {}: {verdict}", self.order)?;
        let keys: Vec<String> = self.keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
        writeln!(f, "  {}", keys.join("  "))?;
        writeln!(f)?;
        let width = self.chapters.iter().map(|chapter| chapter.attempt.stage.len()).max().unwrap_or(0);
        for chapter in &self.chapters {
            writeln!(f, "  {}", chapter.line(width))?;
        }
        for wait in &self.waits {
            write!(f, "\nwaits for {} since {}", wait.stage, moment(wait.since_ns, self.now_ns))?;
            write!(f, " ({})", duration(self.now_ns.saturating_sub(wait.since_ns)))?;
            if let Some(until_ns) = wait.until_ns {
                write!(f, ", due by {}", moment(until_ns, self.now_ns))?;
            }
        }
        if !self.waits.is_empty() {
            writeln!(f)?;
        }
        for finding in &self.findings {
            write!(f, "\n{} ({}): {}", finding.key.alert, finding.reason, finding.summary)?;
            write!(f, "\n  why: {}", finding.evidence)?;
            if let Some(rule) =
                finding.key.rule.as_deref().filter(|_| finding.key.alert == Alert::OrderViolation)
            {
                write!(f, "\n  rule: {rule}")?;
            }
            if let Some(trace_id) = finding.trace_id {
                write!(f, "\n  trace: {trace_id}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Chapter {
    fn line(&self, width: usize) -> String {
        let Attempt { stage, service, number, id, error_type, progress, .. } = &self.attempt;
        let state = match self.state {
            Standing::Done => "ok".to_owned(),
            Standing::DoneUnseen => "done, its end was not seen".to_owned(),
            Standing::Superseded => "given up, a newer attempt began".to_owned(),
            Standing::Unplaced if self.attempt.is_open() => "seen".to_owned(),
            Standing::Unplaced => "ok, not in the definition".to_owned(),
            Standing::Running => match progress {
                Some(done) => format!("running, {:.0} % done", done * 100.0),
                None => "running".to_owned(),
            },
            Standing::Failed => {
                let outcome = self.attempt.outcome.map_or("failed", journey_model::StageOutcome::as_str);
                error_type.as_ref().map_or(outcome.to_owned(), |error| format!("{outcome}: {error}"))
            }
        };
        let time = clock_time(self.attempt.first_ns());
        let wait = self.wait_ns.map_or(String::new(), |wait| format!("+{}", duration(wait)));
        let took = self.duration_ns.map_or("?".to_owned(), duration);
        let number = if *number > 1 { format!("#{number}") } else { String::new() };
        let stage = format!("{stage:width$} {number:3}");
        format!("{time} {wait:>8}  {stage} {service:9} {took:>8}  {state}  trace {}", id.trace_id)
    }
}

#[cfg(test)]
mod tests;
