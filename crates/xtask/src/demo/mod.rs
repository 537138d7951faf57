//! `cargo xtask demo`: three services, orders on five paths, injected faults, and the alerts that name them.

mod alerts;
mod analyzer_config;
mod api;
mod broker;
mod databases;
mod driver;
mod fault;
mod faults;
mod fleet;
mod judge;
mod keep;
mod options;
mod performance;
mod queue;
mod report;
mod scene;
mod settings;
mod stage_set;

use std::{fs, process::Command, sync::Arc, time::SystemTime};

use anyhow::{Context, Result, bail};
use journey_testkit::{
    packages::Consent,
    services::{Kind, Service},
};
pub(crate) use options::Options;

use self::{fleet::Program, report::Report, scene::Scene, stage_set::StageSet};
use crate::{
    exit::Interrupted,
    interrupt::Interrupt,
    parts::Parts,
    progress::{Progress, say},
    registry::{Owner, Registry},
};

/// Runs the demo from its servers to its report.
///
/// # Errors
///
/// If something needed is missing, a step cannot be done, a fault lacks its outcome, or something else was raised.
pub(crate) fn run(options: &Options, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let consent = if options.yes { Consent::Given } else { Consent::Ask };
    let parts = Parts::find(&Kind::ALL, consent, progress, interrupt)?;
    let _registered = Registered::new(parts.services())?;
    progress.heading("Build the services, the relay and the analyzer");
    fleet::build(interrupt)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(show(options, &parts, progress, interrupt))?;
    if !report.ok {
        bail!("a fault lacks its outcome, or something else was raised; see the table");
    }
    Ok(())
}

/// Everything that runs while the programs run; they are stopped whatever comes of it.
async fn show(
    options: &Options,
    parts: &Parts,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Report> {
    let set = tokio::select! {
        set = StageSet::build(options, parts, progress) => set?,
        () = interrupt.asked() => return Err(Interrupted.into()),
    };
    let result = tokio::select! {
        result = perform(options, set.scene(), parts, progress) => result,
        () = interrupt.asked() => Err(Interrupted.into()),
    };
    if options.keep && result.is_ok() {
        keep::go_on(options.seed, set.scene(), progress, interrupt).await;
    }
    let step = progress.begin("Stop everything");
    let stopped = set.strike().await;
    step.end(stopped.is_ok());
    let report = result?;
    stopped?;
    Ok(report)
}

async fn perform(
    options: &Options,
    scene: &Arc<Scene>,
    parts: &Parts,
    progress: &Progress,
) -> Result<Report> {
    let begun = SystemTime::now();
    performance::play(options, scene, progress).await?;
    for program in Program::ALL {
        scene.note_failure("a program ended by itself", scene.fleet.process(program).map(drop));
    }
    let verdict = scene.judge.verdict_now();
    say(&format!("conformance   {}", verdict.as_deref().unwrap_or("violated")));
    scene.note_failure("the services' spans", verdict.map(drop));
    let report =
        Report::new(options.seed, begun.elapsed().unwrap_or_default(), scene.book(), scene.alerts.all());
    tell(options, &report, scene, parts)?;
    Ok(report)
}

/// Prints the summary and writes the report.
fn tell(options: &Options, report: &Report, scene: &Scene, parts: &Parts) -> Result<()> {
    if let Some(file) = &options.report {
        fs::write(file, serde_json::to_vec_pretty(report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    say(&report.table());
    if let Some(order) = report.broken_order() {
        let url = scene.fleet.url(Program::Analyzer);
        let mut explain = Command::new(scene.fleet.binary(Program::Analyzer));
        let output = explain
            .args(["explain", order, "--url", &url])
            .output()
            .context("cannot run journey-analyzer")?;
        say(&format!("\n$ journey-analyzer explain {order} --url {url}"));
        say(String::from_utf8_lossy(&output.stdout).trim_end());
    }
    say(&format!("\nanalyzer      {}", scene.fleet.url(Program::Analyzer)));
    say(&format!("alertmanager  {}", parts.url(Kind::Alertmanager)));
    say(&format!("logs          {}", scene.fleet.logs().display()));
    if !options.keep {
        say("The first two end now; `--keep` leaves them running.");
    }
    Ok(())
}

/// Lets `cargo xtask services` find the demo's servers while it runs.
struct Registered;

impl Registered {
    fn new(services: &[Service]) -> Result<Self> {
        let mut registry = Registry::load()?;
        for service in services {
            registry.add(Owner::Demo, service.folder())?;
        }
        Ok(Self)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // A state file that cannot be written does no harm: servers whose folder is gone are forgotten anyway.
        let _ = Registry::load().and_then(|mut registry| registry.forget(Owner::Demo));
    }
}
