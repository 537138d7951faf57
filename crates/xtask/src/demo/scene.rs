//! What everybody in a demo shares: the services, the programs, and the book of what was done.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use tokio::sync::{MutexGuard as AsyncGuard, RwLock};

use super::{
    alerts::Alerts,
    api::Api,
    driver::{Driven, Plan},
    fault::Injected,
    fleet::Fleet,
    judge::Judge,
    queue::HeldQueue,
};

/// The running system, and what is done to it.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) api: Api,
    pub(crate) fleet: Fleet,
    pub(crate) alerts: Alerts,
    /// Looks at the services' spans.
    pub(crate) judge: Judge,
    pub(crate) amqp_url: String,
    /// MES's own database, for whoever looks at its jobs.
    pub(crate) mes_database_url: String,
    /// Held for reading while an order begins. Whoever needs a quiet moment holds it for writing.
    pub(crate) beginnings: RwLock<()>,
    /// Held by whoever kills the analyzer: one death at a time.
    pub(crate) analyzer: tokio::sync::Mutex<()>,
    /// Two holders of queues could wait for messages that the other one has.
    holding: tokio::sync::Mutex<()>,
    book: Mutex<Book>,
}

/// What happened so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Book {
    /// Faults in the order of their injection.
    pub(crate) injected: Vec<Injected>,
    /// How many orders were begun.
    pub(crate) begun: usize,
    /// Orders that came to their end.
    pub(crate) completed: BTreeSet<String>,
    /// What went wrong with orders or injections, beside what was meant to.
    pub(crate) failures: Vec<String>,
}

impl Scene {
    pub(crate) fn new(
        api: Api,
        fleet: Fleet,
        alerts: Alerts,
        judge: Judge,
        amqp_url: &str,
        mes_database_url: String,
    ) -> Arc<Self> {
        Arc::new(Self {
            api,
            fleet,
            alerts,
            judge,
            amqp_url: amqp_url.to_owned(),
            mes_database_url,
            beginnings: RwLock::default(),
            analyzer: tokio::sync::Mutex::default(),
            holding: tokio::sync::Mutex::default(),
            book: Mutex::default(),
        })
    }

    /// A copy of the book.
    pub(crate) fn book(&self) -> Book {
        self.write().clone()
    }

    /// Notes an injected fault.
    pub(crate) fn injected(&self, fault: Injected) {
        self.write().injected.push(fault);
    }

    /// Begins an order.
    pub(crate) async fn begin(&self, plan: Plan) -> Result<Driven> {
        self.begin_by(&self.api, plan).await
    }

    /// Drives an order that was begun to its end.
    pub(crate) async fn complete(&self, order: &Driven) -> Result<()> {
        order.complete().await?;
        self.completed(order);
        Ok(())
    }

    /// Notes that an order came to its end.
    pub(crate) fn completed(&self, order: &Driven) {
        self.write().completed.insert(order.id.clone());
    }

    /// Drives an order from its beginning to its end, without a fault. `api` says with how much patience.
    pub(crate) async fn drive(&self, api: &Api, plan: Plan) {
        let whole = async {
            let order = {
                let _beginning = self.beginnings.read().await;
                self.begin_by(api, plan).await?
            };
            self.complete(&order).await
        };
        self.note_failure("an order without a fault", whole.await);
    }

    /// Notes what went wrong, if anything did.
    pub(crate) fn note_failure(&self, what: &str, result: Result<()>) {
        if let Err(error) = result {
            self.write().failures.push(format!("{what}: {error:#}"));
        }
    }

    /// Keeps the messages of a queue from its service, one holder at a time.
    pub(crate) async fn hold(&self, queue: &str) -> Result<(HeldQueue, AsyncGuard<'_, ()>)> {
        let guard = self.holding.lock().await;
        Ok((HeldQueue::hold(&self.amqp_url, queue).await?, guard))
    }

    async fn begin_by(&self, api: &Api, plan: Plan) -> Result<Driven> {
        let order = Driven::begin(api, plan).await?;
        self.write().begun += 1;
        Ok(order)
    }

    fn write(&self) -> MutexGuard<'_, Book> {
        // Each change is one push or one insertion, so a panic elsewhere leaves nothing half done.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
