//! What a run found, for people and as JSON.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;

use super::{How, answers::Answers, goal, goal::Goal, measure::Figures};
use crate::progress::say;

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The figures of each case.
    pub(crate) figures: Vec<Figures>,
    /// Goals with the figures they limit.
    pub(crate) goals: Vec<Goal>,
    /// What each layer gets right; empty if nobody asked.
    pub(crate) answers: Answers,
}

impl Report {
    /// The figures of a case.
    pub(crate) fn of<'a>(figures: &'a [Figures], case: &str) -> Result<&'a Figures> {
        let found = figures.iter().find(|figures| figures.case == case);
        found.with_context(|| format!("the benches have no case {case}"))
    }

    /// Prints, writes and judges it, as was asked for.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or the gate is to look and a goal is missed.
    pub(crate) fn conclude(&self, how: &How) -> Result<()> {
        self.print();
        if let Some(file) = &how.report {
            self.write(file)?;
        }
        if how.gate { goal::judge(&self.goals) } else { Ok(()) }
    }

    fn print(&self) {
        say(&figures_table(&self.figures).to_string());
        if let Some(table) = self.answers.table() {
            say(&format!("\n{table}"));
        }
        if !self.goals.is_empty() {
            say(&format!("\n{}", goal::table(&self.goals)));
        }
    }

    fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn figures_table(figures: &[Figures]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEAD);
    for figures in figures {
        let count = |number: Option<f64>| number.map_or_else(String::new, |number| format!("{number:.0}"));
        let numbers = [
            count(Some(figures.ns)),
            count(Some(figures.ns_over)),
            figures.ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}")),
            count(figures.instructions),
            count(figures.instructions_over),
            count(Some(figures.allocations)),
            count(Some(figures.allocations_over)),
        ];
        let numbers = numbers.map(|number| Cell::new(number).set_alignment(CellAlignment::Right));
        table.add_row([Cell::new(&figures.case)].into_iter().chain(numbers));
    }
    table
}

const HEAD: [&str; 8] =
    ["case", "ns", "+ns", "x", "instructions", "+instructions", "allocations", "+allocations"];
