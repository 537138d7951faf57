//! SIGKILL of the analyzer, and its restart on the same data.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use tokio::time::sleep;

use super::{Kind, Scene};
use crate::demo::{fault::Injected, fleet::Program};

pub(super) async fn inject(scene: &Scene) -> Result<()> {
    let _alone = scene.analyzer.lock().await;
    // In the middle of the other faults: some are found before, some after.
    sleep(OTHERS_FIRST).await;
    let (at, detail) = (SystemTime::now(), format!("kill -9 of the analyzer, restarted after {AWAY:?}"));
    scene.fleet.process(Program::Analyzer)?.kill();
    sleep(AWAY).await;
    scene.fleet.start(Program::Analyzer).await?;
    scene.injected(Injected { kind: Kind::KillAnalyzer, order: None, at, detail });
    Ok(())
}

const OTHERS_FIRST: Duration = Duration::from_secs(8);
const AWAY: Duration = Duration::from_secs(3);
