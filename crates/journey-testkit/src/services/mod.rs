//! Private RabbitMQ, PostgreSQL and Alertmanager on free loopback ports, from the machine's installed binaries.
//!
//! A [`Service`] is one instance: a folder and its ports. It can be stopped, killed and started again on the same ports
//! and data, also by another command that finds it by its folder ([`Service::open`]). The instances of a [`Home`] die with
//! it; those in a folder of [`detached_folder`] run until somebody stops them.
//!
//! Nothing listens outside 127.0.0.1. Nothing is safe against a crash of the machine: tests only.
//!
//! ```no_run
//! use journey_testkit::services::{Home, Kind, Service};
//!
//! let home = Home::new()?;
//! let broker = Service::create(Kind::RabbitMq, home.path())?;
//! println!("{}", broker.url());
//! broker.kill();
//! broker.start()?;
//! # Ok::<(), anyhow::Error>(())
//! ```

mod alertmanager;
mod home;
mod kind;
mod place;
pub mod ports;
mod postgres;
mod rabbitmq;

use std::{fs, path::Path, thread};

use anyhow::{Context, Result, bail, ensure};
pub use home::{Home, detached_folder, kill_all};
pub use kind::{Kind, UnknownService};
use place::Place;

use crate::process::{Process, wait_until};

/// One instance of a server: its folder and its ports. Cloning it clones the knowledge, not the server.
#[derive(Debug, Clone)]
pub struct Service {
    place: Place,
}

impl Service {
    /// Prepares a new instance in a folder of `home` that is named after its kind, and starts it.
    ///
    /// # Errors
    ///
    /// If the program is missing, no port is free, or the server does not become ready.
    pub fn create(kind: Kind, home: &Path) -> Result<Self> {
        let folder = home.join(kind.name());
        for _ in 1..PORTS_TRIED_MAX {
            match Self::create_in(kind, &folder) {
                // Between the choice of a port and its use, another process may have taken it.
                Err(error) if is_about_ports(&error) => fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?,
                created => return created,
            }
        }
        Self::create_in(kind, &folder)
    }

    fn create_in(kind: Kind, folder: &Path) -> Result<Self> {
        fs::create_dir(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let place = Place::new(kind, folder.to_owned(), ports::free(kind.server().ports())?);
        kind.server().prepare(&place).with_context(|| format!("cannot prepare {kind}"))?;
        place.save()?;
        let service = Self { place };
        service.start()?;
        Ok(service)
    }

    /// Creates one instance of each kind at the same time: a broker takes seconds, the others almost none.
    ///
    /// # Errors
    ///
    /// The first error of any of them; the others are running then and end with the home.
    pub fn create_all(kinds: &[Kind], home: &Path) -> Result<Vec<Self>> {
        thread::scope(|scope| {
            let starts: Vec<_> =
                kinds.iter().map(|&kind| scope.spawn(move || Self::create(kind, home))).collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    /// The instance in `folder`, running or not.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self { place: Place::load(folder)? })
    }

    /// Which server it is.
    pub fn kind(&self) -> Kind {
        self.place.kind
    }

    /// Its folder: configuration, data, logs and pid files.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// Where clients reach it; the same after a restart.
    pub fn url(&self) -> String {
        self.kind().server().url(&self.place)
    }

    /// Process id of the running server.
    pub fn pid(&self) -> Option<i32> {
        self.process().map(|process| process.pid())
    }

    /// Starts it on its ports and data, and returns when it serves. Nothing happens if it runs.
    ///
    /// # Errors
    ///
    /// If the program is missing, or the server exits or is not ready within [`Kind::patience`]; with its last lines.
    pub fn start(&self) -> Result<()> {
        if self.process().is_some() {
            return Ok(());
        }
        let mut last = String::new();
        for _ in 0..STARTS_MAX {
            let process = self
                .kind()
                .server()
                .spawn(&self.place)
                .with_context(|| format!("cannot start {}", self.kind()))?;
            if self.becomes_ready(process) {
                return Ok(());
            }
            last = self.place.last_words();
            ensure!(
                !process.is_alive(),
                "{} is not ready after {:?}:\n{last}",
                self.kind(),
                self.kind().patience()
            );
        }
        bail!("{} exited at once, {STARTS_MAX} times:\n{last}", self.kind())
    }

    /// Asks it to stop in good order, waits, and kills what is left after [`Kind::patience`].
    pub fn stop(&self) {
        if let Some(process) = self.process() {
            process.stop(self.kind().server().stop_signal(), self.kind().patience());
        }
    }

    /// `kill -9`. Its data and ports stay for the next [`Service::start`].
    pub fn kill(&self) {
        if let Some(process) = self.process() {
            process.kill();
        }
    }

    /// Kills it and everything that belongs to it, and removes its folder.
    ///
    /// # Errors
    ///
    /// If the folder cannot be removed.
    pub fn remove(self) -> Result<()> {
        self.kill();
        for helper in self.place.helpers() {
            helper.kill();
        }
        fs::remove_dir_all(self.folder())
            .with_context(|| format!("cannot remove {}", self.folder().display()))
    }

    fn process(&self) -> Option<Process> {
        Process::from_file(&self.place.pid_file())
    }

    fn becomes_ready(&self, process: Process) -> bool {
        let server = self.kind().server();
        let decided = || !process.is_alive() || server.is_ready(&self.place);
        wait_until(self.kind().patience(), decided) && process.is_alive()
    }
}

/// Whether a server said that a port of its own is another's.
fn is_about_ports(error: &anyhow::Error) -> bool {
    let words = format!("{error:#}").to_lowercase();
    ["address already in use", "eaddrinuse", "address in use"].iter().any(|known| words.contains(known))
}

/// What the three servers do each in their own way.
trait Server: Sync {
    /// How many ports it listens on.
    fn ports(&self) -> usize;

    /// Writes configuration and data; called once, before the first start.
    fn prepare(&self, place: &Place) -> Result<()>;

    /// Starts the server and the helpers it needs; returns the server before it is ready.
    fn spawn(&self, place: &Place) -> Result<Process>;

    /// Whether it serves clients now.
    fn is_ready(&self, place: &Place) -> bool;

    /// The signal that ends it in good order.
    fn stop_signal(&self) -> nix::sys::signal::Signal;

    /// Where clients reach it.
    fn url(&self, place: &Place) -> String;
}

/// Choices of ports for one new server.
const PORTS_TRIED_MAX: usize = 3;
/// A server that was killed a moment ago may leave its port or shared memory busy for the first try.
const STARTS_MAX: usize = 4;

#[cfg(test)]
mod tests;
