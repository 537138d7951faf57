//! A private PostgreSQL cluster: user `test`, no password, 127.0.0.1 alone.
//!
//! An acknowledged commit survives `kill -9` of the server (`synchronous_commit` stays on), not of the machine (`fsync` is
//! off). `initdb` refuses root, so as root everything runs as Debian's user `postgres`.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::Signal,
    unistd::{Uid, User},
};

use super::{Kind, Place, Server};
use crate::{packages, process::Process};

pub(super) struct Postgres;

impl Server for Postgres {
    fn ports(&self) -> usize {
        1
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        if let Some(user) = other_user()? {
            chown(&place.folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let output = command("initdb", place)?
            .arg("-D")
            .arg(place.file("data"))
            .args(["-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .output()
            .context("cannot run initdb")?;
        ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    fn spawn(&self, place: &Place) -> Result<Process> {
        let log = place.log()?;
        let mut command = command("postgres", place)?;
        command.arg("-D").arg(place.file("data")).arg("-p").arg(place.ports[0].to_string());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.stdout(log.try_clone()?).stderr(log);
        Process::spawn(&mut command, &place.pid_file()).context("postgres")
    }

    fn is_ready(&self, place: &Place) -> bool {
        let Ok(mut command) = command("pg_isready", place) else { return false };
        command
            .args(["-q", "-h", "127.0.0.1", "-U", "test", "-p", &place.ports[0].to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// "Fast shutdown": open connections are closed, everything committed is written.
    fn stop_signal(&self) -> Signal {
        Signal::SIGINT
    }

    fn url(&self, place: &Place) -> String {
        format!("postgres://test@127.0.0.1:{}/postgres", place.ports[0])
    }
}

/// A program of the installation that holds the server, run as the user that owns the data.
fn command(program: &str, place: &Place) -> Result<Command> {
    let server: PathBuf = packages::program(Kind::Postgres)?;
    let mut command = Command::new(server.with_file_name(program));
    // The caller's folder may be closed to user postgres, and its PG* variables are about another server.
    command.current_dir(&place.folder).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    if let Some(user) = other_user()? {
        // Only root may do this; it also gives up root's other groups.
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}

/// The user to run as, `None` for ourselves.
fn other_user() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres")?;
    user.map(Some).context("PostgreSQL refuses to run as root, and there is no user postgres to run it as")
}

const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "shared_buffers=64MB",
    // Pools of three services, an analyzer and a parallel test run.
    "max_connections=200",
];
