//! A calculation that takes five times as long as it may stand still, and shows that it moves.

use anyhow::Result;
use rand::rngs::StdRng;

use super::{Kind, Plan, Scene, begin_broken};
use crate::demo::{analyzer_config::PROGRESS_WITHIN, fault::Injected};

pub(super) async fn inject(scene: &Scene, rng: &mut StdRng) -> Result<()> {
    // A little more, so that rounding never makes it less.
    let seconds = 5 * PROGRESS_WITHIN.as_secs() + 2;
    let orders = begin_broken(scene, vec![Plan::from_shop(rng)], "slow", seconds).await?;
    for order in orders {
        let detail = format!("price.simplify_model takes at least {seconds} s and reports progress");
        scene.injected(Injected::now(Kind::SlowButAlive, &order.id, detail));
        scene.complete(&order).await?;
    }
    Ok(())
}
