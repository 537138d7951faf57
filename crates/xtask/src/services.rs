//! `cargo xtask services`: private servers that stay until they are stopped, and those of a running demo.

use std::fs;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use journey_testkit::{
    packages::Consent,
    services::{Kind, Service, detached_folder},
};

use crate::{
    exit::Unavailable,
    parts,
    progress::{Progress, say},
    registry::{Owner, Registry},
};

/// Options of `services`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to do.
    action: Action,
    /// Which one: alertmanager, postgres or rabbitmq; all without it.
    name: Option<Kind>,
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    /// `kill -9`; ports and data stay for the next start.
    Kill,
    /// Start on old ports and data if there are some, else anew; print the URLs.
    Start,
    /// Show what runs where.
    Status,
    /// Stop in good order. With NAME ports and data stay for the next start; without it they are removed.
    Stop,
}

/// Runs the command.
pub(crate) fn run(options: &Options, progress: &Progress) -> Result<()> {
    let mut registry = Registry::load()?;
    match (options.action, options.name) {
        (Action::Kill, name) => each(&registry, name, progress, "Kill", |service| {
            service.kill();
            Ok(())
        }),
        (Action::Start, name) => start(&mut registry, name, options.yes, progress),
        (Action::Status, _) => {
            status(&registry);
            Ok(())
        }
        (Action::Stop, Some(name)) => each(&registry, Some(name), progress, "Stop", |service| {
            service.stop();
            Ok(())
        }),
        (Action::Stop, None) => stop_all(&mut registry, progress),
    }
}

/// Does the same with the named server, or with all.
fn each(
    registry: &Registry,
    name: Option<Kind>,
    progress: &Progress,
    verb: &str,
    work: impl Fn(&Service) -> Result<()>,
) -> Result<()> {
    let known: Vec<_> = Kind::ALL.iter().filter(|&&kind| name.is_none_or(|name| name == kind)).collect();
    let found: Vec<_> = known.into_iter().filter_map(|&kind| registry.service(kind)).collect();
    if found.is_empty() {
        bail!("nothing to {}: start something with `cargo xtask services start`", verb.to_lowercase());
    }
    for service in found {
        progress.step(&format!("{verb} {}", service.kind()), |_| work(&service))?;
    }
    Ok(())
}

fn start(registry: &mut Registry, name: Option<Kind>, yes: bool, progress: &Progress) -> Result<()> {
    let wanted: Vec<_> = Kind::ALL.into_iter().filter(|&kind| name.is_none_or(|name| name == kind)).collect();
    parts::install(&wanted, if yes { Consent::Given } else { Consent::Ask }, progress)?;
    for kind in wanted {
        let service =
            progress.step(&format!("Start {kind}"), |_| start_one(registry, kind)).map_err(Unavailable)?;
        say(&format!("export {}='{}'", kind.url_variable(), service.url()));
    }
    Ok(())
}

fn start_one(registry: &mut Registry, kind: Kind) -> Result<Service> {
    if let Some(service) = registry.service(kind) {
        service.start()?;
        return Ok(service);
    }
    let home = registry.home(Owner::Services).map_or_else(detached_folder, Ok)?;
    let service = Service::create(kind, &home)?;
    registry.add(Owner::Services, service.folder())?;
    Ok(service)
}

/// Those of a running demo are only stopped: the demo still needs their data, and removes them itself.
fn stop_all(registry: &mut Registry, progress: &Progress) -> Result<()> {
    let home = registry.home(Owner::Services);
    for (owner, service) in registry.services() {
        progress.step(&format!("Stop {}", service.kind()), |_| {
            service.stop();
            if owner == Owner::Services { service.remove() } else { Ok(()) }
        })?;
    }
    if let Some(home) = home {
        fs::remove_dir(&home).with_context(|| format!("cannot remove {}", home.display()))?;
    }
    registry.forget(Owner::Services)
}

fn status(registry: &Registry) {
    let services = registry.services();
    if services.is_empty() {
        say("nothing runs; start something with `cargo xtask services start`");
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["service", "owner", "state", "url", "folder"]);
    for (owner, service) in services {
        let state = service.pid().map_or_else(|| "stopped".to_owned(), |pid| format!("pid {pid}"));
        let folder = service.folder().display().to_string();
        table.add_row([service.kind().name(), owner.name(), &state, &service.url(), &folder]);
    }
    say(&table.to_string());
}
