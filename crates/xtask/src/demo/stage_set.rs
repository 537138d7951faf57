//! Everything that must stand before the first order, and is taken down after the last.

use std::sync::Arc;

use anyhow::Result;
use journey_testkit::services::Kind;
use tokio::task::JoinHandle;

use super::{
    Options,
    alerts::Alerts,
    api::Api,
    broker,
    databases::Databases,
    driver::until,
    fault,
    fleet::{Fleet, Program},
    judge::Judge,
    scene::Scene,
};
use crate::{exit::Unavailable, parts::Parts, progress::Progress};

/// The running programs, their databases, and the watch of Alertmanager.
pub(crate) struct StageSet {
    scene: Arc<Scene>,
    databases: Databases,
    watch: JoinHandle<()>,
    /// A broker of somebody else, which must look as before afterwards.
    foreign_broker: Option<String>,
}

impl StageSet {
    /// Creates the databases and starts all programs.
    pub(crate) async fn build(options: &Options, parts: &Parts, progress: &Progress) -> Result<Self> {
        // In somebody's Alertmanager our alerts must be told from others.
        let environment = format!("demo-{}", std::process::id());
        let amqp = parts.url(Kind::RabbitMq);
        let foreign_broker = (!parts.is_private(Kind::RabbitMq)).then(|| amqp.to_owned());
        if let Some(url) = &foreign_broker {
            broker::ensure_empty(url).await.map_err(Unavailable)?;
        }
        let databases = Databases::create(parts.url(Kind::Postgres)).await.map_err(Unavailable)?;
        let judge = Judge::start()?;
        let fleet = Fleet::prepare(parts, &databases, &judge.url(), &environment, mes_workers(options))?;
        let alerts = Alerts::of(parts.url(Kind::Alertmanager), &environment)?;
        let scene = Scene::new(
            Api::new(fleet.service_urls())?,
            fleet,
            alerts.clone(),
            judge,
            amqp,
            databases.url("mes"),
        );
        let set = Self { scene, databases, watch: tokio::spawn(alerts.watch()), foreign_broker };
        let started = set.start(progress).await;
        if started.is_err() {
            set.scene.fleet.stop();
        }
        started.map(|()| set)
    }

    pub(crate) fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    /// Stops all programs and removes what they left in servers of somebody else.
    pub(crate) async fn strike(self) -> Result<()> {
        self.watch.abort();
        self.scene.fleet.stop();
        if let Some(url) = &self.foreign_broker {
            broker::clear(url).await?;
        }
        self.databases.remove().await
    }

    async fn start(&self, progress: &Progress) -> Result<()> {
        let step = progress.begin("Start the services, the relay and the analyzer");
        let mut result = Ok(());
        for program in Program::ALL {
            step.now(program.name());
            result = self.scene.fleet.start(program).await;
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            step.now("waiting for the analyzer's heartbeat in Alertmanager");
            result = until("the analyzer's heartbeat is in Alertmanager", async || {
                Ok(self.scene.alerts.heartbeat().then_some(()))
            })
            .await;
        }
        step.end(result.is_ok());
        result
    }
}

/// Enough for the others while one calculation after the other hangs or takes its time.
fn mes_workers(options: &Options) -> u32 {
    let faults = options.faults();
    let busy = [fault::Kind::HungStage, fault::Kind::SlowButAlive]
        .map(|kind| faults.get(&kind).copied().unwrap_or(0));
    WORKERS + busy.iter().sum::<u32>()
}

/// The default of MES.
const WORKERS: u32 = 4;
