//! The faults, each done for real. Every function returns when its part is done; what it leads to is judged later.

mod hung_stage;
mod jobs;
mod kill_analyzer;
mod kill_mes;
mod lost_message;
mod slow_but_alive;
mod swapped_status;

use anyhow::Result;
use rand::rngs::StdRng;

use super::{
    driver::{Driven, Plan},
    fault::Kind,
    scene::Scene,
};

/// Injects one fault of a kind. `index` tells faults of one kind apart.
pub(crate) async fn inject(kind: Kind, index: u32, scene: &Scene, rng: &mut StdRng) -> Result<()> {
    match kind {
        Kind::HungStage => hung_stage::inject(scene, rng).await,
        Kind::KillAnalyzer => kill_analyzer::inject(scene).await,
        Kind::KillMes => kill_mes::inject(scene, rng).await,
        Kind::LostMessage => lost_message::inject(scene, index, rng).await,
        Kind::SlowButAlive => slow_but_alive::inject(scene, rng).await,
        Kind::SwappedStatus => swapped_status::inject(scene, index, rng).await,
    }
}

/// How many orders one fault of a kind drives itself.
pub(crate) const fn orders(kind: Kind) -> u32 {
    match kind {
        Kind::HungStage | Kind::LostMessage | Kind::SlowButAlive | Kind::SwappedStatus => 1,
        Kind::KillAnalyzer => 0,
        Kind::KillMes => kill_mes::ORDERS,
    }
}

/// Begins orders whose calculation MES will break in its own way.
///
/// MES must know of the fault before it gets the message, so the message waits.
async fn begin_broken(scene: &Scene, plans: Vec<Plan>, kind: &str, seconds: u64) -> Result<Vec<Driven>> {
    let (mut queue, _alone) = scene.hold(CALCULATIONS).await?;
    let mut orders = Vec::new();
    for plan in plans {
        let order = scene.begin(plan).await?;
        queue.catch(&order.id).await?;
        scene.api.inject(&order.id, kind, seconds).await?;
        orders.push(order);
    }
    queue.release().await?;
    Ok(orders)
}

/// The queue from which MES takes calculations.
const CALCULATIONS: &str = "mes.price_calculations";
