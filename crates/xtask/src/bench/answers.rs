//! What each server layer gets right: questions about what it told, after the same requests for all.

use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use serde::{Deserialize, Serialize};

use super::programs::Programs;

/// The answers of each layer, in the order in which they were asked.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Answers {
    layers: Vec<Layer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Layer {
    layer: String,
    /// Each question with its answer; none means that the question makes no sense for the layer.
    answers: Vec<(String, Option<bool>)>,
}

impl Answers {
    /// Plays the scenarios to each layer, in a process of its own.
    ///
    /// # Errors
    ///
    /// If one of them fails.
    pub(crate) fn ask(programs: &Programs) -> Result<Self> {
        let program = programs.program("http_answers");
        let layers = program.list()?.into_iter().map(|layer| {
            let output = program.command().args(["ask", &layer]).output()?;
            ensure!(output.status.success(), "http_answers ask {layer}: {}", output.status);
            let text = String::from_utf8(output.stdout)?;
            let line = text.lines().find(|line| line.starts_with('['));
            let answers = serde_json::from_str(line.context("no answers")?)?;
            Ok(Layer { layer, answers })
        });
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }

    /// A line per question, a column per layer; none if nobody was asked.
    pub(crate) fn table(&self) -> Option<Table> {
        let questions = &self.layers.first()?.answers;
        let mut table = Table::new();
        let layers = self.layers.iter().map(|layer| layer.layer.as_str());
        table.load_style(presets::NOTHING).set_header(["what it gets right"].into_iter().chain(layers));
        for (index, (question, _)) in questions.iter().enumerate() {
            let marks = self.layers.iter().map(|layer| mark(layer.answers.get(index)));
            table.add_row([question.as_str()].into_iter().chain(marks));
        }
        Some(table)
    }
}

fn mark(answer: Option<&(String, Option<bool>)>) -> &'static str {
    match answer {
        Some((_, Some(true))) => "yes",
        Some((_, Some(false))) => "NO",
        _ => "-",
    }
}
