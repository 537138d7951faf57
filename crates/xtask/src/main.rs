//! `cargo xtask`: the tasks of this workspace.
//!
//! * `demo`: the main job, on real parts, with faults that are found;
//! * `test`, `ci`: all tests with all servers they need, and everything that must hold before a change lands;
//! * `bench`: what the crates cost, beside what others offer;
//! * `services`: private RabbitMQ, PostgreSQL and Alertmanager, to work with or to break.
//!
//! Exit codes: 0 fine, 1 a failed check, 2 usage, 3 something needed is missing or unreachable, 130 ended by a signal.

mod bench;
mod cargo;
mod ci;
mod demo;
mod exit;
mod interrupt;
mod metadata;
mod parts;
mod progress;
mod registry;
mod services;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{interrupt::Interrupt, progress::Progress};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The tasks of this workspace", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// What the crates cost, beside what others offer, and whether the goals are met.
    Bench(bench::Options),
    /// Format, clippy, each feature of the facade alone, documentation, all tests.
    Ci(ci::Options),
    /// Three services, orders on five paths, injected faults, and the alerts that name them.
    Demo(demo::Options),
    /// Private RabbitMQ, PostgreSQL and Alertmanager: start, stop, kill -9, status.
    Services(services::Options),
    /// All tests, with all servers that they need; a skipped test fails.
    Test(test::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let progress = Progress::new();
    let result = Interrupt::install().and_then(|interrupt| match arguments.task {
        Task::Bench(options) => bench::run(&options, &progress, &interrupt),
        Task::Ci(options) => ci::run(&options, &progress, &interrupt),
        Task::Demo(options) => demo::run(&options, &progress, &interrupt),
        Task::Services(options) => services::run(&options, &progress),
        Task::Test(options) => test::run(&options, &progress, &interrupt),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit::code(&error)
        }
    }
}
