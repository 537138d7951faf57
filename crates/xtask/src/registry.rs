//! The state file by which a later command finds the servers of an earlier one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use journey_testkit::services::{Kind, Service};
use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;

/// Who ends a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Owner {
    /// A running demo; its servers end with it.
    Demo,
    /// Nobody but `cargo xtask services stop`.
    Services,
}

impl Owner {
    /// The word shown to a person.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Owner::Demo => "demo",
            Owner::Services => "services",
        }
    }
}

/// The servers that were started from this clone.
#[derive(Debug)]
pub(crate) struct Registry {
    file: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    owner: Owner,
    folder: PathBuf,
}

impl Registry {
    /// Reads the state file; servers whose folder is gone are forgotten.
    pub(crate) fn load() -> Result<Self> {
        Self::read(Metadata::load()?.target_directory.join("xtask/services.json"))
    }

    fn read(file: PathBuf) -> Result<Self> {
        let entries: Vec<Entry> = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged; remove it", file.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let mut entries: Vec<_> =
            entries.into_iter().filter(|entry| Service::open(&entry.folder).is_ok()).collect();
        // A running demo comes first: whoever breaks something under it means its servers.
        entries.sort_by_key(|entry| entry.owner);
        Ok(Self { file, entries })
    }

    /// All servers with their owners, those of a running demo first.
    pub(crate) fn services(&self) -> Vec<(Owner, Service)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.owner, Service::open(&entry.folder).ok()?)))
            .collect()
    }

    /// The server that a person means by this kind.
    pub(crate) fn service(&self, kind: Kind) -> Option<Service> {
        self.services().into_iter().map(|(_, service)| service).find(|service| service.kind() == kind)
    }

    /// The folder that holds the servers of an owner.
    pub(crate) fn home(&self, owner: Owner) -> Option<PathBuf> {
        let entry = self.entries.iter().find(|entry| entry.owner == owner)?;
        entry.folder.parent().map(Path::to_owned)
    }

    /// Remembers a server for later commands.
    pub(crate) fn add(&mut self, owner: Owner, folder: &Path) -> Result<()> {
        self.entries.push(Entry { owner, folder: folder.to_owned() });
        self.save()
    }

    /// Forgets all servers of an owner.
    pub(crate) fn forget(&mut self, owner: Owner) -> Result<()> {
        self.entries.retain(|entry| entry.owner != owner);
        self.save()
    }

    fn save(&self) -> Result<()> {
        let folder = self.file.parent().context("the state file has a folder")?;
        fs::create_dir_all(folder)?;
        // Renamed into place, so that a reader never sees half a file.
        let draft = self.file.with_extension(format!("{}.draft", std::process::id()));
        fs::write(&draft, serde_json::to_vec_pretty(&self.entries)?)?;
        fs::rename(&draft, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(home: &Path, name: &str) -> PathBuf {
        let folder = home.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let text = format!(r#"{{"kind":"{name}","ports":[20000,20001,20002]}}"#);
        fs::write(folder.join("instance.json"), text).expect("the folder is writable");
        folder
    }

    /// Scenario: somebody's own servers run, then a demo starts its own.
    /// Guarantees: a name means the demo's server while there is one, and the own one afterwards.
    #[test]
    fn the_demo_comes_first() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (own, demo) = (
            instance(&folder.path().join("own"), "rabbitmq"),
            instance(&folder.path().join("demo"), "rabbitmq"),
        );
        let file = folder.path().join("xtask/services.json");
        let mut registry = Registry::read(file.clone()).expect("no file is an empty registry");
        registry.add(Owner::Services, &own).expect("saved");
        registry.add(Owner::Demo, &demo).expect("saved");

        let mut registry = Registry::read(file).expect("a good file");
        let folder_of =
            |registry: &Registry| registry.service(Kind::RabbitMq).map(|service| service.folder().to_owned());
        assert_eq!(folder_of(&registry), Some(demo));
        registry.forget(Owner::Demo).expect("saved");
        assert_eq!(folder_of(&registry), Some(own));
    }

    /// Scenario: a demo was killed, and its watchdog removed its folders.
    /// Guarantees: what is gone is forgotten, without an error.
    #[test]
    fn vanished_servers_are_forgotten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let demo = instance(folder.path(), "postgres");
        let file = folder.path().join("services.json");
        Registry::read(file.clone()).expect("empty").add(Owner::Demo, &demo).expect("saved");
        fs::remove_dir_all(demo).expect("it was there");
        assert!(Registry::read(file).expect("a good file").services().is_empty());
    }
}
