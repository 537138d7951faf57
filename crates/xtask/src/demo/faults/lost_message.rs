//! A message that is taken from its queue, acknowledged, and dropped.

use anyhow::Result;
use rand::{RngExt, rngs::StdRng};

use super::{CALCULATIONS, Driven, Kind, Plan, Scene};
use crate::demo::{driver::STATUSES, fault::Injected};

pub(super) async fn inject(scene: &Scene, index: u32, rng: &mut StdRng) -> Result<()> {
    // The seed says where the first is lost, then each place has its turn.
    let first: usize = rng.random_range(0..Place::ALL.len());
    let place = Place::ALL[(first + index as usize) % Place::ALL.len()];
    let order = match place {
        Place::Calculation | Place::Price => {
            let plan = Plan::from_shop(rng);
            lose(scene, place, async || scene.begin(plan).await).await?
        }
        Place::Production => {
            let order = scene.begin(Plan::random(rng)).await?;
            order.priced().await?;
            lose(scene, place, async || order.accept().await.map(|()| order)).await?
        }
        Place::Status => {
            let order = scene.begin(Plan::random(rng)).await?;
            order.priced().await?;
            order.accept().await?;
            order.taken().await?;
            lose(scene, place, async || order.report(STATUSES[0]).await.map(|()| order)).await?
        }
    };
    let detail = format!("its message was taken from {} and dropped", place.queue());
    scene.injected(Injected::now(Kind::LostMessage, &order.id, detail));
    Ok(())
}

/// Does the step that sends the message, and drops the message.
async fn lose(scene: &Scene, place: Place, step: impl AsyncFnOnce() -> Result<Driven>) -> Result<Driven> {
    let (mut queue, _alone) = scene.hold(place.queue()).await?;
    let order = step().await?;
    queue.lose(&order.id).await?;
    queue.release().await?;
    Ok(order)
}

/// The hops between services where a message can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Calculation,
    Price,
    Production,
    Status,
}

impl Place {
    const ALL: [Place; 4] = [Place::Calculation, Place::Price, Place::Production, Place::Status];

    const fn queue(self) -> &'static str {
        match self {
            Place::Calculation => CALCULATIONS,
            Place::Price => "crm.prices",
            Place::Production => "mes.productions",
            Place::Status => "crm.statuses",
        }
    }
}
