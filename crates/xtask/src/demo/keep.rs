//! `--keep`: one healthy order per second, for people who break things and watch what comes of it.

use std::{sync::Arc, time::Duration};

use rand::{SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time};

use super::{driver::Plan, scene::Scene};
use crate::{
    interrupt::Interrupt,
    progress::{Progress, say},
};

/// Goes on until Ctrl-C.
pub(crate) async fn go_on(seed: u64, scene: &Arc<Scene>, progress: &Progress, interrupt: &Interrupt) {
    say(HELP);
    let step = progress.begin("One order per second, until Ctrl-C");
    // Other orders than before.
    let mut rng = StdRng::seed_from_u64(!seed);
    let mut orders = JoinSet::new();
    let mut second = time::interval(Duration::from_secs(1));
    let (mut failures, mut alerts) = (scene.book().failures.len(), scene.alerts.all().len());
    while !interrupt.is_asked() {
        tokio::select! {
            _ = second.tick() => {}
            () = interrupt.asked() => break,
        }
        while orders.try_join_next().is_some() {}
        scene.judge.look();
        // Orders wait while something is broken; more than these would only hide the picture.
        if orders.len() < OPEN_MAX {
            let (scene, plan) = (scene.clone(), Plan::random(&mut rng));
            orders.spawn(async move { scene.drive(&scene.api.patient(), plan).await });
        }
        let book = scene.book();
        for failure in &book.failures[failures..] {
            step.note(failure);
        }
        failures = book.failures.len();
        let raised = scene.alerts.all();
        for alert in &raised[alerts..] {
            step.note(&format!(
                "{} {}: {}",
                alert.name(),
                alert.orders().join(" "),
                alert.annotation("summary").unwrap_or("")
            ));
        }
        alerts = raised.len();
        step.now(&format!("{} begun, {} completed, {} open", book.begun, book.completed.len(), orders.len()));
    }
    let (book, open) = (scene.book(), orders.len());
    orders.shutdown().await;
    step.end(true);
    say(&format!("{} orders begun in all, {} completed, {open} under way", book.begun, book.completed.len()));
}

const HELP: &str = "
Break something, from another terminal:
  cargo xtask services stop rabbitmq       in good order
  cargo xtask services kill postgres       kill -9
  cargo xtask services start rabbitmq      on the same port and data
  cargo xtask services status              what runs where
";

/// Open orders at most.
const OPEN_MAX: usize = 300;
