//! The report for people: numbers first, then at most [`LINES_MAX`] lines of each list.

use std::fmt;

use super::report::Report;
use super::stage_finding::StageFinding;
use super::trouble::{RetryStorm, Trouble};
use super::violation::Violation;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejected: u64 = self.rejected.values().sum();
        write!(f, "{} spans, {} repeats, {rejected} rejected", self.spans, self.repeats)?;
        match self.loss_rate {
            Some(rate) => writeln!(f, ", {:.2} % lost", rate * 100.0)?,
            None => writeln!(f, "; without journey.seq nobody knows how many were lost")?,
        }
        for (reason, count) in &self.rejected {
            writeln!(f, "  rejected as {reason}: {count}")?;
        }
        writeln!(f, "{} orders up to {}", self.journeys.count, self.now)?;
        if self.journeys.unanchored > 0 {
            writeln!(f, "  and {} journeys that are no order yet", self.journeys.unanchored)?;
        }
        let verdicts = &self.verdicts;
        let counts = [&verdicts.ok, &verdicts.open, &verdicts.violated, &verdicts.evidence_gap].map(Vec::len);
        let [ok, open, violated, gap] = counts;
        writeln!(f, "  {ok} ok, {open} open, {violated} violated, {gap} with steps that were not seen")?;
        list(f, "violations", &self.violations, violation)?;
        list(f, "stuck", &self.stuck, trouble)?;
        list(f, "dead", &self.dead, trouble)?;
        list(f, "retry storms", &self.retry_storms, retry_storm)?;
        list(f, "about stages", &self.findings, stage_finding)?;
        list(f, "claimed by two orders", &self.identity_conflicts, |one| {
            format!("{}={}: {}", one.key, one.value, one.anchors.join(", "))
        })?;
        if !self.withdrawn.is_empty() {
            writeln!(f, "\n{} violations were withdrawn when late spans came", self.withdrawn.len())?;
        }
        if self.notifications > 0 {
            writeln!(f, "\n{} notifications to people", self.notifications)?;
        }
        Ok(())
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    entries: &[T],
    line: impl Fn(&T) -> String,
) -> fmt::Result {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}: {}", entries.len())?;
    for entry in entries.iter().take(LINES_MAX) {
        writeln!(f, "  {}", line(entry))?;
    }
    match entries.len().saturating_sub(LINES_MAX) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more; --report json lists all"),
    }
}

fn violation(violation: &Violation) -> String {
    let Violation { journey, rule, stage, index, expected, at } = violation;
    match expected.is_empty() {
        true => format!("{journey}: {stage} as step {index} breaks {rule}, {at}"),
        false => format!("{journey}: {stage} as step {index}, expected {}, {at}", expected.join(" or ")),
    }
}

fn retry_storm(storm: &RetryStorm) -> String {
    let RetryStorm { journey, stage, at, attempts } = storm;
    format!("{journey}: {stage} failed {attempts} times, found at {at}")
}

fn trouble(trouble: &Trouble) -> String {
    let Trouble { journey, stage, at, since, reason, cleared_at } = trouble;
    let cleared = cleared_at.map_or(String::new(), |cleared| format!(", over at {cleared}"));
    format!("{journey}: {stage} since {since} ({reason}), found at {at}{cleared}")
}

fn stage_finding(entry: &StageFinding) -> String {
    let mut text = format!("{} {}", entry.alert, entry.stage.as_deref().unwrap_or_default());
    let mut add = |part: String| text.push_str(&part);
    if let Some(from) = &entry.from_stage {
        add(format!(" after {from}"));
    }
    if let Some(facet) = &entry.facet {
        add(format!(" where {} is {}", facet.key, facet.value));
    }
    if let Some(journey) = &entry.journey {
        add(format!(" of {journey}"));
    }
    if let Some(ratio) = entry.ratio {
        add(format!(", {ratio:.2} times the usual"));
    }
    add(format!(", warned at {}", entry.warned_at));
    if let Some(paged_at) = entry.paged_at {
        add(format!(", paged at {paged_at}"));
    }
    text
}

/// Most lines of each list.
const LINES_MAX: usize = 10;
