//! A stage that blocks for ever on a lock: process, guard and beats go on, progress stands still.

use anyhow::Result;
use rand::rngs::StdRng;

use super::{Kind, Plan, Scene, begin_broken};
use crate::demo::fault::Injected;

pub(super) async fn inject(scene: &Scene, rng: &mut StdRng) -> Result<()> {
    let orders = begin_broken(scene, vec![Plan::from_shop(rng)], "hang", 0).await?;
    for order in orders {
        scene.injected(Injected::now(Kind::HungStage, &order.id, "price.simplify_model blocks on a lock"));
    }
    Ok(())
}
