//! The end by a signal, for a service that asks for it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::limits::{SHUTDOWN_DEADLINE, SIGNAL_LOOK};

use super::InitError;
use super::guard::Shared;

/// Flushes when SIGTERM or SIGINT comes: as soon as the service's own work is over, which the guard's drop tells, or
/// after `drain`. Then the signal does what it would have done.
///
/// There is one thread for it in the process, and it stays: a signal that was taken once has lost its default effect,
/// so somebody must have it for ever. It never exports itself, so that it can take a further signal at any time: one that
/// comes before the last export begins it at once, one that comes during the export ends the process.
pub(super) fn take(running: &Arc<Shared>, drain: Duration) -> Result<(), InitError> {
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if watched.is_none() {
        let signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| InitError::start("signals", &error))?;
        let thread = thread::Builder::new().name("journey-signals".into()).spawn(move || watch(signals));
        thread.map_err(|error| InitError::start("thread for signals", &error))?;
    }
    *watched = Some(Watched { running: Arc::downgrade(running), drain });
    Ok(())
}

/// What is to be flushed, and how long the service may take.
struct Watched {
    running: Weak<Shared>,
    drain: Duration,
}

static WATCHED: Mutex<Option<Watched>> = Mutex::new(None);

fn watch(mut signals: Signals) {
    loop {
        let Some(signal) = signals.forever().next() else { return };
        if let Some((running, drain)) = watched() {
            let until = Instant::now() + drain;
            tracing::info!(
                "journey: signal {signal}: the last export begins when the service is done, within {drain:?}"
            );
            let is_urgent = wait(&mut signals, until, || running.is_over());
            let is_cut_short = export(&mut signals, running);
            if !is_urgent && !is_cut_short {
                // A service that has come to its end by itself is about to return from `main`, with its own exit code.
                wait(&mut signals, until, || false);
            }
        }
        // It fails only for signals that are none.
        let _ = emulate_default_handler(signal);
    }
}

fn watched() -> Option<(Arc<Shared>, Duration)> {
    let watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    let watched = watched.as_ref()?;
    let running = watched.running.upgrade().filter(|running| !running.is_over())?;
    Some((running, watched.drain))
}

/// The last export, or what is left of it. True if a further signal came before its end.
fn export(signals: &mut Signals, running: Arc<Shared>) -> bool {
    let stop = {
        let running = running.clone();
        move || running.stop_and_log()
    };
    match thread::Builder::new().name("journey-stop".into()).spawn(stop) {
        // The export has its own deadline; the other one is for a system that starves its thread.
        Ok(stop) => wait(signals, Instant::now() + 2 * SHUTDOWN_DEADLINE, || stop.is_finished()),
        Err(_) => {
            running.stop_and_log();
            false
        }
    }
}

/// Until that time, or until `is_over`. True if a further signal came before.
fn wait(signals: &mut Signals, until: Instant, is_over: impl Fn() -> bool) -> bool {
    while Instant::now() < until && !is_over() {
        if signals.pending().next().is_some() {
            return true;
        }
        thread::sleep(SIGNAL_LOOK);
    }
    false
}
