//! Entries as text, with colours on a terminal.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use journey_model::{SpanId, TraceId};
use nu_ansi_term::{Color, Style};

use super::entry::{Entry, Mood, percent};

/// Writes trees and lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Painter {
    pub(super) is_colourful: bool,
}

impl Painter {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    pub(super) fn of_process() -> Self {
        Self { is_colourful: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// The trace with its ids once, and below it what ended, by start.
    pub(super) fn tree(
        self,
        trace_id: TraceId,
        ended: &[Entry],
        still_open: &[&Entry],
        left_out: usize,
    ) -> String {
        if ended.is_empty() && left_out == 0 {
            return String::new();
        }
        let mut by_start: Vec<&Entry> = ended.iter().collect();
        by_start.sort_by_key(|entry| entry.start_ns);
        let is_inside = |id: SpanId| ended.iter().any(|entry| entry.place.span_id == id);
        let tops: Vec<&Entry> = by_start
            .iter()
            .copied()
            .filter(|entry| entry.parent.is_none_or(|parent| !is_inside(parent)))
            .collect();
        let ids = tops.first().map(|top| top.ids.clone()).unwrap_or_default();
        let mut text = format!("{}", self.dim().paint(format!("trace {trace_id}")));
        text.extend(ids.iter().map(|id| format!("  {id}")));
        text.push('\n');
        let shown = Shown { painter: self, by_start: &by_start, ids: &ids };
        tops.iter().for_each(|top| shown.branch(top, 1, &mut text));
        if left_out > 0 {
            text.push_str(&format!("  … and {left_out} more\n"));
        }
        still_open.iter().for_each(|entry| text.push_str(&format!("  … {} is still open\n", entry.name)));
        text
    }

    /// One line on a stage that runs.
    pub(super) fn alive(self, stage: &Entry, progress: Option<f64>, now_ns: u64) -> String {
        let runs = Duration::from_nanos(now_ns.saturating_sub(stage.start_ns));
        let progress = progress.map(percent).unwrap_or_else(|| "no progress told".into());
        let mut line = format!("… {} runs for {runs:.1?}: {progress}", stage.name);
        line.extend(stage.ids.iter().map(|id| format!("  {id}")));
        line.push('\n');
        line
    }

    fn outcome(self, mood: Mood) -> Style {
        self.style(match mood {
            Mood::Bad => Color::Red.bold(),
            Mood::Good => Color::Green.normal(),
            Mood::Odd => Color::Yellow.normal(),
        })
    }

    fn dim(self) -> Style {
        self.style(Style::new().dimmed())
    }

    fn style(self, style: Style) -> Style {
        if self.is_colourful { style } else { Style::new() }
    }
}

/// One tree while it is written.
struct Shown<'a> {
    painter: Painter,
    by_start: &'a [&'a Entry],
    /// Those of the first line; only others are repeated.
    ids: &'a [String],
}

impl Shown<'_> {
    /// An entry and those below it. Deeper than the number of entries is only a circle of parents.
    fn branch(&self, entry: &Entry, depth: usize, text: &mut String) {
        self.line(entry, depth, text);
        if depth <= self.by_start.len() {
            let below = self.by_start.iter().filter(|other| other.parent == Some(entry.place.span_id));
            below.for_each(|child| self.branch(child, depth + 1, text));
        }
    }

    fn line(&self, entry: &Entry, depth: usize, text: &mut String) {
        let outcome = self.painter.outcome(entry.outcome.mood).paint(&entry.outcome.text);
        let duration = self.painter.dim().paint(format!("{:.1?}", entry.duration));
        let others = entry.ids.iter().filter(|id| !self.ids.contains(id));
        let rest: String = others.chain(&entry.notes).map(|part| format!("  {part}")).collect();
        // Writing into a text cannot fail.
        let _ =
            writeln!(text, "{:indent$}{}  {outcome}  {duration}{rest}", "", entry.name, indent = 2 * depth);
    }
}
