//! Plays recorded spans through the engine, as if they came now, and reports what it finds.
//!
//! In: files of OTLP/JSON lines or length-prefixed protobuf, plain or compressed. Out: a [`Report`]. Time is event
//! time: the clock moves with the latest span, and each deadline on the way is looked at when it is due, so the same
//! files always give the same report. Nothing is stored or sent.
//!
//! The engine bounds the memory, not the size of the files: bodies are read one by one, and `--sort` spills to disk.
//! Beyond the engine, a line for each stage span (about 60 bytes) and each finding is kept until the report.

mod bodies;
mod input;
mod ledger;
mod memberships;
mod moment;
mod notifications;
mod player;
mod progress;
mod report;
mod seen;
mod sorter;
mod stage_finding;
mod summary;
mod trouble;
mod violation;

use std::path::PathBuf;

use anyhow::Context;
use journey_detect::{Definition, Nanos};

use crate::limits::SORT_RUN_BYTES;
use bodies::{Bodies, Body};
use player::Player;
use progress::Progress;
use sorter::Sorter;

pub use moment::Moment;
pub use report::{Conflict, Journeys, Report, Verdicts};
pub use stage_finding::{Facet, StageFinding};
pub use trouble::{RetryStorm, Trouble};
pub use violation::{Violation, Withdrawn};

/// What to play, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The files, played one after the other; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Where to write which span belongs to which journeys, one JSON object a line.
    pub memberships: Option<PathBuf>,
    /// Lets the clock run on to this moment after the last span, in nanoseconds since the Unix epoch. A moment before
    /// it changes nothing.
    pub until_ns: Option<Nanos>,
    /// Plays the spans in the order of their ends, not as they stand in the files.
    pub sort: bool,
}

/// Plays the files against a definition.
///
/// A recording begins at its first span and stays as it is: there is no warm-up, clocks are taken as they are, and no
/// order is abandoned.
///
/// # Errors
/// A file cannot be read to its end, or the memberships cannot be written. A body that is broken in itself is counted
/// as rejected and no error.
pub fn replay(mut definition: Definition, options: &Options) -> anyhow::Result<Report> {
    (definition.warm_up_ns, definition.skew_ns) = (0, 0);
    definition.expire_after_ns = Nanos::MAX;
    let mut player = Player::new(definition);
    let progress = Progress::new(&options.files);
    if options.sort {
        play_sorted(options, &progress, &mut player)?;
    } else {
        for_each_body(options, &progress, |body| {
            player.play(body);
            Ok(())
        })?;
    }
    progress.finish();
    let (report, ledger) = player.finish(options.until_ns);
    if let Some(path) = &options.memberships {
        memberships::write(path, &ledger).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report)
}

fn play_sorted(options: &Options, progress: &Progress, player: &mut Player) -> anyhow::Result<()> {
    let mut sorter = Sorter::new(SORT_RUN_BYTES);
    for_each_body(options, progress, |body| {
        player.hand_over(body, &mut sorter.batch);
        sorter.spill_if_full()
    })?;
    for request in sorter.sorted()? {
        player.play_one(&request?);
    }
    Ok(())
}

fn for_each_body(
    options: &Options,
    progress: &Progress,
    mut visit: impl FnMut(Body<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for file in &options.files {
        let failed = || format!("cannot read {} to its end", input::name(file));
        let mut bodies = Bodies::new(input::open(file, progress)?);
        while let Some(body) = bodies.next().with_context(failed)? {
            visit(body)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
