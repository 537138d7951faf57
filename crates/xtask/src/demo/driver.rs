//! The life of one order, step by step, as its people drive it.

use std::{future::Future, time::Duration};

use anyhow::{Context, Result, bail};
use journey_testkit::models;
use rand::{Rng, RngExt};
use tokio::time::{Instant, sleep};

use super::api::Api;

/// Statuses of production, in the order in which they follow.
pub(crate) const STATUSES: [&str; 4] = ["in_production", "polishing", "packed", "delivered"];

/// What is special about one order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    origin: Origin,
    material: &'static str,
    shape: Shape,
    /// Triangles of the model, at least.
    triangles: usize,
    /// How long its people take before each of their steps.
    pause: Duration,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Ring,
    Sphere,
}

/// Where an order comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// A partner asks MES for a price: path 3.
    Partner(String),
    /// A customer fills a cart in the shop: paths 1 and 2.
    Shop(String),
}

impl Plan {
    /// Any order; one of four comes from a partner.
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        let origin = if rng.random_ratio(1, 4) {
            Origin::Partner(format!("partner-{}", rng.random_range(1..=3)))
        } else {
            Origin::Shop(format!("user-{:04}", rng.random_range(0..10_000)))
        };
        Self { origin, ..Self::from_shop(rng) }
    }

    /// An order of a customer, with a model of any size.
    pub(crate) fn from_shop(rng: &mut impl Rng) -> Self {
        // Most models are small, a few are large: the logarithm is evenly spread.
        let triangles = 10_f64.powf(rng.random_range(TRIANGLES_LOG10)) as usize;
        Self {
            origin: Origin::Shop(format!("user-{:04}", rng.random_range(0..10_000))),
            material: MATERIALS[rng.random_range(0..MATERIALS.len())],
            shape: if rng.random() { Shape::Ring } else { Shape::Sphere },
            triangles,
            pause: Duration::from_millis(rng.random_range(100..700)),
        }
    }
}

impl Plan {
    fn stl(&self) -> Vec<u8> {
        match self.shape {
            Shape::Ring => models::torus(self.triangles),
            Shape::Sphere => models::sphere(self.triangles),
        }
    }
}

/// An order under way.
#[derive(Debug, Clone)]
pub(crate) struct Driven {
    api: Api,
    plan: Plan,
    /// Its id, from the service that created it.
    pub(crate) id: String,
}

impl Driven {
    /// Paths 1 or 3: until the order exists and, in the shop, its confirmation was shown.
    pub(crate) async fn begin(api: &Api, plan: Plan) -> Result<Self> {
        let id = match &plan.origin {
            Origin::Shop(user) => {
                let cart = api.open_cart(user).await?;
                api.upload(&cart, plan.material, plan.stl()).await?;
                let id = api.order(&cart).await?;
                api.see_confirmation(&id).await?;
                id
            }
            Origin::Partner(partner) => {
                let production = api.request_price(plan.material, partner, plan.stl()).await?;
                until("CRM created the partner's order", || api.order_of(&production)).await?
            }
        };
        Ok(Self { api: api.clone(), plan, id })
    }

    /// Path 2: until the price is formed.
    pub(crate) async fn priced(&self) -> Result<()> {
        self.until("the price is formed", async || Ok(self.api.crm_order(&self.id).await?.price)).await?;
        Ok(())
    }

    /// The customer accepts the price.
    pub(crate) async fn accept(&self) -> Result<()> {
        sleep(self.plan.pause).await;
        match self.plan.origin {
            Origin::Shop(_) => self.api.accept_in_shop(&self.id).await,
            Origin::Partner(_) => self.api.accept_in_crm(&self.id).await,
        }
    }

    /// Path 4: until MES took the order into production.
    pub(crate) async fn taken(&self) -> Result<()> {
        self.until("it is taken into production", async || {
            Ok(self.api.is_in_production(&self.id).await?.then_some(()))
        })
        .await
    }

    /// Path 5, one change: a worker reports a status.
    pub(crate) async fn report(&self, status: &str) -> Result<()> {
        sleep(self.plan.pause).await;
        self.api.set_status(&self.id, status).await
    }

    /// Path 5: the remaining changes in their order, each seen by the shop before the next, and the end of the journey.
    pub(crate) async fn produce(&self, statuses: &[&str]) -> Result<()> {
        for status in statuses {
            self.report(status).await?;
            self.shown(status).await?;
        }
        Ok(())
    }

    /// Until the shop shows a status.
    pub(crate) async fn shown(&self, status: &str) -> Result<()> {
        let what = format!("the shop shows {status}");
        self.until(&what, async || Ok(self.api.shop_status(&self.id).await?.filter(|shown| shown == status)))
            .await?;
        Ok(())
    }

    /// Everything after the beginning, without a fault.
    pub(crate) async fn complete(&self) -> Result<()> {
        self.priced().await?;
        self.accept().await?;
        self.taken().await?;
        self.produce(&STATUSES).await?;
        let state = self.api.crm_order(&self.id).await?.state;
        if state != STATUSES[3] {
            bail!("{}: CRM says {state}, the shop {}", self.id, STATUSES[3]);
        }
        Ok(())
    }

    async fn until<T, F: Future<Output = Result<Option<T>>>>(
        &self,
        what: &str,
        ask: impl Fn() -> F,
    ) -> Result<T> {
        until(what, ask).await.with_context(|| format!("order {}", self.id))
    }
}

/// Asks again and again until there is an answer. An error of a call is an answer too.
pub(crate) async fn until<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    ask: impl Fn() -> F,
) -> Result<T> {
    let deadline = Instant::now() + STEP_TIME_MAX;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("after {STEP_TIME_MAX:?} still not: {what}");
        }
        sleep(POLL).await;
    }
}

const MATERIALS: [&str; 3] = ["gold", "platinum", "silver"];
/// From a few hundred triangles to a quarter of a million.
const TRIANGLES_LOG10: std::ops::Range<f64> = 2.5..5.4;
/// One step of an order; longer than any outage that the demo or its watchers bring about.
const STEP_TIME_MAX: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(150);
