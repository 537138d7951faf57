//! SIGKILL of MES in the middle of price calculations, and its restart.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use journey_testkit::process::Process;
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use tokio::{sync::OwnedRwLockWriteGuard, time::sleep};

use super::{
    Driven, Kind, Plan, Scene, begin_broken,
    jobs::{Jobs, OpenStage},
};
use crate::demo::{fault::Injected, fleet::Program};

/// Orders that are begun for this, so that calculations are under way.
pub(super) const ORDERS: u32 = 3;

pub(super) async fn inject(scene: &Scene, rng: &mut StdRng) -> Result<()> {
    let plans = (0..ORDERS).map(|_| Plan::from_shop(rng)).collect();
    let orders = begin_broken(scene, plans, "slow", CALCULATION.as_secs()).await?;
    kill_and_restart(scene, &orders).await?;
    complete(scene, &orders).await
}

async fn kill_and_restart(scene: &Scene, orders: &[Driven]) -> Result<()> {
    // No call of MES is cut off; what MES does by itself is.
    let calls = {
        // Without new orders a moment comes in which no job changes its stage.
        let _quiet = scene.beginnings.write().await;
        let (killed, calls) = kill(scene, orders).await?;
        for stage in killed {
            let detail = format!("kill -9 of MES during {}, restarted after {AWAY:?}", stage.stage);
            scene.injected(Injected::now(Kind::KillMes, &stage.order, detail));
        }
        calls
    };
    sleep(AWAY).await;
    scene.fleet.start(Program::Mes).await?;
    drop(calls);
    Ok(())
}

/// Stops MES, and kills it if the moment is good; otherwise lets it go on and tries again.
///
/// At first it waits for a moment in which all of `orders` are in a stage; later any calculation will do.
async fn kill(scene: &Scene, orders: &[Driven]) -> Result<(Vec<OpenStage>, OwnedRwLockWriteGuard<()>)> {
    let mut jobs = Jobs::connect(&scene.mes_database_url).await?;
    let mes = scene.fleet.process(Program::Mes)?;
    for attempt in 0..TRIES_MAX {
        let calls = scene.api.hold_mes().await;
        let open = stopped_well(&mes, &mut jobs).await?;
        let hit = orders.iter().filter(|order| open.iter().any(|stage| stage.order == order.id)).count();
        if hit == orders.len() || (attempt >= PATIENT_TRIES && !open.is_empty()) {
            mes.kill();
            return Ok((open, calls));
        }
        mes.signal(Signal::SIGCONT);
        drop(calls);
        sleep(BETWEEN_TRIES).await;
    }
    bail!("no calculation of MES stayed in one stage for a second")
}

/// Stops MES; the orders with an open stage, none if MES did not stop well inside all of them.
async fn stopped_well(mes: &Process, jobs: &mut Jobs) -> Result<Vec<OpenStage>> {
    mes.signal(Signal::SIGSTOP);
    let open = jobs.open_stages().await.context("cannot read MES's jobs")?;
    let settled = open.iter().all(|stage| stage.age > SETTLED) && !jobs.changed_within(SETTLED).await?;
    Ok(if settled { open } else { Vec::new() })
}

async fn complete(scene: &Scene, orders: &[Driven]) -> Result<()> {
    for order in orders {
        scene.complete(order).await?;
    }
    Ok(())
}

/// Long enough to be met well inside by a kill, over all tries.
const CALCULATION: Duration = Duration::from_secs(12);
/// The beginning of a stage was told to the analyzer for sure, and its end cannot be under way.
const SETTLED: Duration = Duration::from_secs(1);
const AWAY: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(400);
const TRIES_MAX: u32 = 40;
const PATIENT_TRIES: u32 = 15;
