//! What a person sees while a task works: a spinner on a terminal, plain lines elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Where progress is shown: on standard error, so that results can be piped.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
}

impl Progress {
    /// A spinner if standard error is a terminal.
    pub(crate) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal() }
    }

    /// Announces a step whose own output follows.
    pub(crate) fn heading(&self, title: &str) {
        if self.terminal {
            eprintln!("\x1b[1m==> {title}\x1b[0m");
        } else {
            eprintln!("==> {title}");
        }
    }

    /// Runs a step, showing that it works and how long it took.
    pub(crate) fn step<T>(&self, title: &str, work: impl FnOnce(&Step) -> Result<T>) -> Result<T> {
        let step = self.begin(title);
        let result = work(&step);
        step.end(result.is_ok());
        result
    }

    /// Begins a step that the caller ends, for work in several pieces.
    pub(crate) fn begin(&self, title: &str) -> Step {
        let bar = self.terminal.then(|| spinner(title));
        if bar.is_none() {
            eprintln!("==> {title}");
        }
        Step { title: title.to_owned(), begun: Instant::now(), bar }
    }
}

/// A step that is under way.
#[derive(Debug)]
pub(crate) struct Step {
    title: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    /// What the step does now; replaced by the next call, and not shown without a terminal.
    pub(crate) fn now(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}  {text}", self.title));
        }
    }

    /// News worth keeping: a line of its own that stays.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("    {text}")),
            None => eprintln!("    {text}"),
        }
    }

    /// Ends the step with its duration.
    pub(crate) fn end(self, fine: bool) {
        let seconds = self.begun.elapsed().as_secs_f32();
        match self.bar {
            Some(bar) => {
                bar.finish_and_clear();
                let mark = if fine { "\x1b[32m✓\x1b[0m" } else { "\x1b[31m✗\x1b[0m" };
                eprintln!("{mark} {}  {seconds:.1} s", self.title);
            }
            None => eprintln!("    {} after {seconds:.1} s", if fine { "done" } else { "failed" }),
        }
    }
}

/// Writes a result to standard output. A reader that went away is no failure of the task.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn spinner(title: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner:.cyan} {msg}  {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style).with_message(title.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

const TICK: Duration = Duration::from_millis(100);
