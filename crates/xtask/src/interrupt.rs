//! Ctrl-C, SIGTERM and SIGHUP: everything started is ended in order, then the task ends.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::exit::Interrupted;

/// Whether a signal asked us to end; cheap to clone and to ask.
///
/// The first signal is passed on to the command that runs at the moment and noted. The second ends this process at once;
/// the watchdogs of its servers then clean up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    /// Group of the running command; at most one runs at a time.
    group: Arc<Mutex<Option<Pid>>>,
}

impl Interrupt {
    /// Takes over the signals of this process.
    pub(crate) fn install() -> Result<Self> {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        ctrlc::set_handler(move || handler.on_signal()).context("cannot take signals")?;
        Ok(interrupt)
    }

    /// `Err(Interrupted)` once a signal came.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_asked() { Err(Interrupted.into()) } else { Ok(()) }
    }

    /// Whether a signal came.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Completes when a signal came, within a tenth of a second.
    pub(crate) async fn asked(&self) {
        while !self.is_asked() {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs a command to its end; a signal reaches all processes that it started.
    pub(crate) fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        self.check()?;
        let mut child =
            command.process_group(0).spawn().with_context(|| format!("cannot run {command:?}"))?;
        *self.group() = pid(&child);
        let status = child.wait();
        *self.group() = None;
        self.check()?;
        Ok(status?)
    }

    fn on_signal(&self) {
        let second = self.asked.swap(true, Ordering::Relaxed);
        if let Some(group) = *self.group() {
            let _ = killpg(group, if second { Signal::SIGKILL } else { Signal::SIGINT });
        }
        if second {
            std::process::exit(130);
        }
    }

    fn group(&self) -> MutexGuard<'_, Option<Pid>> {
        // A number cannot be half written, so a panic elsewhere does not spoil it.
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().map(Pid::from_raw)
}

const POLL: Duration = Duration::from_millis(100);
