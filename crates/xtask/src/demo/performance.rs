//! The orders and the faults, in the order in which they come.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Options, driver::Plan, fault::Kind, faults, report::Report, scene::Scene};
use crate::progress::{Progress, Step};

/// Drives all orders and injects all faults, and waits until the picture is complete or its time is over.
pub(crate) async fn play(options: &Options, scene: &Arc<Scene>, progress: &Progress) -> Result<()> {
    let step = progress.begin("Drive orders and inject faults");
    let healthy = tokio::spawn(drive_healthy(options.seed, healthy_orders(options), scene.clone()));
    let breaking =
        tokio::spawn(break_things(options.faults().into_iter().collect(), options.seed, scene.clone()));
    let told = watch(&step, options.seed, scene, 0, || healthy.is_finished() && breaking.is_finished()).await;
    step.end(true);

    let step = progress.begin("Wait for the findings");
    let deadline = Instant::now() + FINDING_TIME_MAX;
    let done = || is_complete(options.seed, scene) || Instant::now() >= deadline;
    watch(&step, options.seed, scene, told, done).await;
    // What is raised too much comes as late as what is raised rightly.
    sleep(SETTLE).await;
    step.end(is_complete(options.seed, scene));
    Ok(())
}

/// Orders that no fault needs for itself.
fn healthy_orders(options: &Options) -> u32 {
    let broken: u32 = options.faults().into_iter().map(|(kind, count)| count * faults::orders(kind)).sum();
    options.orders.saturating_sub(broken)
}

/// One healthy order after the other, so that all are begun within a minute.
async fn drive_healthy(seed: u64, count: u32, scene: Arc<Scene>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let pause = (BEGIN_TIME / count.max(1)).min(PAUSE_MAX);
    let mut orders = JoinSet::new();
    for _ in 0..count {
        let (scene, plan) = (scene.clone(), Plan::random(&mut rng));
        orders.spawn(async move { scene.drive(&scene.api, plan).await });
        sleep(pause).await;
    }
    orders.join_all().await;
}

/// First MES is killed, as often as wished; the other faults need a MES that lives, and come together.
async fn break_things(kinds: Vec<(Kind, u32)>, seed: u64, scene: Arc<Scene>) {
    sleep(CALM_BEGINNING).await;
    let (killing, others): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|(kind, _)| *kind == Kind::KillMes);
    for (kind, index) in each(killing) {
        inject(kind, index, seed, &scene).await;
    }
    let mut running = JoinSet::new();
    for (kind, index) in each(others) {
        let scene = scene.clone();
        running.spawn(async move { inject(kind, index, seed, &scene).await });
        sleep(BETWEEN_FAULTS).await;
    }
    running.join_all().await;
}

fn each(kinds: Vec<(Kind, u32)>) -> impl Iterator<Item = (Kind, u32)> {
    kinds.into_iter().flat_map(|(kind, count)| (0..count).map(move |index| (kind, index)))
}

async fn inject(kind: Kind, index: u32, seed: u64, scene: &Scene) {
    // A generator of its own, so that the order in which faults take their turns changes none of them.
    let mut rng = StdRng::seed_from_u64(seed ^ ((kind as u64 + 1) << 32) ^ (u64::from(index) + 1));
    let result = faults::inject(kind, index, scene, &mut rng).await;
    scene.note_failure(&format!("{kind}"), result);
}

/// Shows how far things are, until `done`. The first `told` faults were told before; gives how many are now.
async fn watch(step: &Step, seed: u64, scene: &Scene, mut told: usize, done: impl Fn() -> bool) -> usize {
    while !done() {
        scene.judge.look();
        let book = scene.book();
        let (begun, completed) = (book.begun, book.completed.len());
        for fault in &book.injected[told..] {
            step.note(&format!("{}  {}  {}", fault.kind, fault.order.as_deref().unwrap_or(""), fault.detail));
        }
        told = book.injected.len();
        let (found, injected) = Report::new(seed, Duration::ZERO, book, scene.alerts.all()).progress();
        step.now(&format!(
            "{begun} orders begun, {completed} completed; {injected} faults, {found} with their outcome"
        ));
        sleep(LOOK).await;
    }
    told
}

fn is_complete(seed: u64, scene: &Scene) -> bool {
    let (found, injected) = Report::new(seed, Duration::ZERO, scene.book(), scene.alerts.all()).progress();
    found == injected
}

/// All healthy orders are begun within this time.
const BEGIN_TIME: Duration = Duration::from_secs(60);
/// Fewer orders come no slower than this.
const PAUSE_MAX: Duration = Duration::from_millis(1500);
/// Some orders are under way before the first fault.
const CALM_BEGINNING: Duration = Duration::from_secs(4);
/// Between two faults of the second part.
const BETWEEN_FAULTS: Duration = Duration::from_millis(500);
/// From the last injection to its alert: the longest allowance of the definition, and some more on a busy machine.
const FINDING_TIME_MAX: Duration = Duration::from_secs(60);
/// Longer than the way from a finding to Alertmanager.
const SETTLE: Duration = Duration::from_secs(4);
const LOOK: Duration = Duration::from_millis(500);
