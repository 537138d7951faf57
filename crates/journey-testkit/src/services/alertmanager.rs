//! A private Alertmanager with the shipped routes and receivers that tell nobody.

use std::{fs, process::Command};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::{Kind, Place, Server};
use crate::{packages, process::Process};

pub(super) struct Alertmanager;

impl Server for Alertmanager {
    fn ports(&self) -> usize {
        1
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        Ok(fs::write(place.file("alertmanager.yml"), CONFIG)?)
    }

    fn spawn(&self, place: &Place) -> Result<Process> {
        let log = place.log()?;
        let mut command = Command::new(packages::program(Kind::Alertmanager)?);
        command
            .arg(format!("--config.file={}", place.file("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", place.file("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", place.ports[0]))
            // One member alone: without this it would listen for others on all interfaces.
            .arg("--cluster.listen-address=")
            .current_dir(&place.folder)
            .stdout(log.try_clone()?)
            .stderr(log);
        Process::spawn(&mut command, &place.pid_file()).context("prometheus-alertmanager")
    }

    fn is_ready(&self, place: &Place) -> bool {
        place.ask(b"GET /-/ready HTTP/1.0\r\n\r\n").is_some_and(|answer| answer.starts_with(b"HTTP/1.0 200"))
    }

    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }

    fn url(&self, place: &Place) -> String {
        format!("http://127.0.0.1:{}", place.ports[0])
    }
}

/// Routes and inhibition as in production, with group times short enough to watch.
const CONFIG: &str = include_str!("alertmanager.yml");
