//! The command `check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use journey_analyzer::{draw, run};

/// What to check, and how to draw it.
#[derive(Args)]
pub(super) struct Check {
    /// The definition.
    file: PathBuf,
    /// How to draw the flow.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How the flow is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A graph for Graphviz.
    Dot,
    /// A flowchart for Mermaid.
    Mermaid,
    /// A tree for people.
    Text,
}

/// Checks, and draws what is fine.
pub(super) fn execute(command: &Check) -> anyhow::Result<ExitCode> {
    let file = &command.file;
    let text = run::definition_text(Some(file))?;
    let definition = run::parse(Some(file), &text)?;
    let drawing = match command.format {
        Format::Dot => draw::dot(&definition),
        Format::Mermaid => draw::mermaid(&definition),
        Format::Text => {
            let (stages, rules) = (definition.stages.len(), definition.rules.len());
            let fine = format!("{}: fine, {stages} stages, {rules} rules", file.display());
            format!("{fine}\n\n{}", draw::text(&definition))
        }
    };
    super::say(drawing.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
