//! The servers that a task needs: those in the environment, else private ones, else installed and private.

use std::{collections::BTreeMap, env};

use anyhow::Result;
use journey_testkit::{
    packages::{self, Consent, Installation, Program},
    peers::{Language, Peer},
    services::{Home, Kind, Service},
};

use crate::{
    exit::Unavailable,
    interrupt::Interrupt,
    metadata::{self, Metadata},
    progress::Progress,
};

/// Servers for the time of a task. Private ones end with this value.
#[derive(Debug)]
pub(crate) struct Parts {
    urls: BTreeMap<Kind, String>,
    services: Vec<Service>,
    home: Home,
}

impl Parts {
    /// Finds or starts a server of each kind.
    pub(crate) fn find(
        kinds: &[Kind],
        consent: Consent,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let mut urls: BTreeMap<_, _> =
            kinds.iter().filter_map(|&kind| from_environment(kind).map(|url| (kind, url))).collect();
        let private = private(kinds);
        install(&private, consent, progress)?;
        interrupt.check()?;
        let home = Home::new()?;
        let services = start(&private, &home, progress)?;
        interrupt.check()?;
        urls.extend(services.iter().map(|service| (service.kind(), service.url())));
        Ok(Self { urls, services, home })
    }

    /// Where the server of a kind runs.
    pub(crate) fn url(&self, kind: Kind) -> &str {
        &self.urls[&kind]
    }

    /// The variables by which tests find the servers.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.urls.iter().map(|(kind, url)| (kind.url_variable(), url.as_str()))
    }

    /// Whether the server of a kind was started for this task.
    pub(crate) fn is_private(&self, kind: Kind) -> bool {
        self.services.iter().any(|service| service.kind() == kind)
    }

    /// The private ones.
    pub(crate) fn services(&self) -> &[Service] {
        &self.services
    }

    /// The folder that dies with this value, for further processes of the task.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }
}

/// Those of `kinds` that the environment has no URL of.
pub(crate) fn private(kinds: &[Kind]) -> Vec<Kind> {
    kinds.iter().copied().filter(|&kind| from_environment(kind).is_none()).collect()
}

/// Installs what is missing of `kinds`, after asking once on a terminal.
pub(crate) fn install(kinds: &[Kind], consent: Consent, progress: &Progress) -> Result<()> {
    let programs: Vec<_> = kinds.iter().copied().map(Program::from).collect();
    install_programs(&programs, consent, progress)
}

/// Installs what is missing of `programs`, after asking once on a terminal.
pub(crate) fn install_programs(programs: &[Program], consent: Consent, progress: &Progress) -> Result<()> {
    let missing = packages::missing(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let installation = Installation::agree(&missing, consent).map_err(Unavailable)?;
    let title = format!("Install Debian's packages {installation}");
    Ok(progress.step(&title, |_| installation.run()).map_err(Unavailable)?)
}

/// Installs what is missing of the libraries of services in other languages, where the tests look for them.
pub(crate) fn install_peers(progress: &Progress) -> Result<()> {
    // Cargo gives integration tests this folder as `CARGO_TARGET_TMPDIR`.
    let folder = Metadata::load()?.target_directory.join("tmp");
    for language in Language::ALL {
        let peer = Peer::new(language, metadata::root().join("tests/peers"), &folder);
        if !peer.is_installed() {
            let title = format!("Install the libraries of the {} peer", language.name());
            progress.step(&title, |_| peer.install()).map_err(Unavailable)?;
        }
    }
    Ok(())
}

fn start(kinds: &[Kind], home: &Home, progress: &Progress) -> Result<Vec<Service>> {
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    progress
        .step(&format!("Start private {}", names.join(", ")), |_| Service::create_all(kinds, home.path()))
        .map_err(|error| Unavailable(error).into())
}

fn from_environment(kind: Kind) -> Option<String> {
    env::var(kind.url_variable()).ok().filter(|url| !url.is_empty())
}
