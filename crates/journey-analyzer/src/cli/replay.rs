//! The command `replay`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use journey_analyzer::replay::{Moment, Options, Report, replay};
use journey_analyzer::run;

/// What to replay, and how.
#[derive(Args)]
pub(super) struct Replay {
    /// Files of OTLP/JSON lines or length-prefixed protobuf, plain or compressed by gzip or zstd; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The journey definition. Without it, the one that ships.
    #[arg(long, value_name = "FILE")]
    journeys: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    report: Form,
    /// Writes which span belongs to which orders, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    memberships: Option<PathBuf>,
    /// Lets the clock run on to this moment (RFC 3339) after the last span.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// Plays the spans in the order of their ends.
    #[arg(long)]
    sort: bool,
}

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One JSON document, see `docs/replay.md`.
    Json,
    /// A summary for people.
    Text,
}

/// Replays and reports. The exit code tells whether there are findings.
pub(super) fn execute(command: Replay) -> anyhow::Result<ExitCode> {
    let text = run::definition_text(command.journeys.as_deref())?;
    let definition = run::parse(command.journeys.as_deref(), &text)?;
    let options = Options {
        files: command.files,
        memberships: command.memberships,
        until_ns: command.until.map(|moment| moment.0),
        sort: command.sort,
    };
    let report = replay(definition, &options)?;
    write(command.report, &report)?;
    Ok(if report.has_findings() { ExitCode::from(super::CHECK_FAILED) } else { ExitCode::SUCCESS })
}

fn write(form: Form, report: &Report) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match form {
        Form::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        }
        Form::Text => write!(out, "{report}")?,
    }
    Ok(out.flush()?)
}

fn moment(text: &str) -> anyhow::Result<Moment> {
    Moment::parse(text).ok_or_else(|| anyhow!("expected a moment such as 2026-01-08T14:02:00Z"))
}
