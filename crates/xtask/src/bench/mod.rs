//! `cargo xtask bench`: what the crates cost, beside what others offer, and whether the project's goals are met.
//!
//! The cases are programs of the package `benches`. Each case is a child process of its own; all take turns in
//! shuffled rounds, so that a bad minute of the machine hits them alike. What is compared are ratios of one run.

mod amqp;
mod answers;
mod callgrind;
mod child;
mod engine;
mod export;
mod goal;
mod http;
mod measure;
mod programs;
mod report;
mod sqlx;
mod stats;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use journey_testkit::packages::Consent;

use crate::{interrupt::Interrupt, progress::Progress};

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// HTTP server layers and client middlewares: time, instructions, allocations, and what they get right.
    Http(How),
    /// From an ended span to the bytes that are sent.
    Export(How),
    /// Calls to PostgreSQL by primary key, beside sqlx's own pool: time and allocations.
    Sqlx(How),
    /// Messages to and from RabbitMQ, beside lapin's own channel: time and allocations.
    Amqp(How),
    /// From the bytes of a body to what changed in the orders that the analyzer follows: time, instructions, memory.
    Engine(How),
}

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Fail if a goal of the project is missed.
    #[arg(long)]
    gate: bool,
    /// Rounds of time measurement; more of them quiet a noisy machine.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=999))]
    rounds: u32,
    /// Three short rounds: enough to count, too few to quote times or to judge by them.
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Only cases whose name contains this text, and what they are compared to. No gate.
    #[arg(long, value_name = "TEXT", conflicts_with = "gate")]
    only: Option<String>,
    /// Count no instructions. No gate.
    #[arg(long, conflicts_with = "gate")]
    no_instructions: bool,
    /// Write the figures as JSON to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Install what is missing, such as valgrind or a server, without asking.
    #[arg(long)]
    yes: bool,
}

impl How {
    fn consent(&self) -> Consent {
        if self.yes { Consent::Given } else { Consent::Ask }
    }
}

/// Measures, prints, and judges.
pub(crate) fn run(options: &Options, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    match &options.question {
        Question::Http(how) => http::run(how, progress, interrupt),
        Question::Export(how) => export::run(how, progress, interrupt),
        Question::Sqlx(how) => sqlx::run(how, progress, interrupt),
        Question::Amqp(how) => amqp::run(how, progress, interrupt),
        Question::Engine(how) => engine::run(how, progress, interrupt),
    }
}
