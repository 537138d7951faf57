//! A status that is sent before its predecessor.

use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::{Kind, Plan, Scene};
use crate::demo::{driver::STATUSES, fault::Injected};

pub(super) async fn inject(scene: &Scene, index: u32, rng: &mut StdRng) -> Result<()> {
    let order = scene.begin(Plan::random(rng)).await?;
    order.priced().await?;
    order.accept().await?;
    order.taken().await?;
    // Each of the three pairs in turn.
    let (before, rest) = STATUSES.split_at(index as usize % (STATUSES.len() - 1));
    let [first, second, after @ ..] = rest else { unreachable!("at least two statuses are left") };
    order.produce(before).await?;
    order.report(second).await?;
    scene.injected(Injected::now(
        Kind::SwappedStatus,
        &order.id,
        format!("{second} {LEAD:?} before {first}"),
    ));
    sleep(LEAD).await;
    order.report(first).await?;
    order.shown(first).await?;
    order.produce(after).await?;
    scene.completed(&order);
    Ok(())
}

/// How much too early the later status comes.
const LEAD: Duration = Duration::from_secs(2);
