//! Tasks of the service's own, which end before the guard does.

use std::time::Duration;

use opentelemetry::context::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::limits::TASK_ABORT_MAX;

/// The tasks a service runs besides its requests: consumers, workers, forwarders. Stopped before `main` returns, all
/// that they have to tell is told while the [`Guard`](crate::Guard) still lives.
///
/// ```no_run
/// use std::time::Duration;
///
/// use journey::{Stop, Tasks};
///
/// #[tokio::main]
/// async fn main() -> Result<(), journey::InitError> {
///     let _journey = journey::init!("crm-api")?;
///     let mut tasks = Tasks::new();
///     tasks.spawn(forward);
///     // axum::serve(..).with_graceful_shutdown(..) instead of:
///     journey::shutdown_signal().await;
///     tasks.stop(Duration::from_secs(5)).await;
///     Ok(())
/// }
///
/// async fn forward(stop: Stop) {
///     let mut interval = tokio::time::interval(Duration::from_secs(1));
///     loop {
///         tokio::select! {
///             () = stop.asked() => return,
///             _ = interval.tick() => { /* one message, all of it */ }
///         }
///     }
/// }
/// ```
///
/// Dropped without [`Tasks::stop`], it aborts them and waits for none.
#[derive(Debug, Default)]
#[must_use = "dropping it aborts the tasks"]
pub struct Tasks {
    running: JoinSet<()>,
    asked: watch::Sender<bool>,
}

/// Tells a task of [`Tasks`] that it should come to its end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task with the current `Context`, as [`crate::spawn`] does. It should return soon after it is asked
    /// to, at a point where nothing is half done.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    pub fn spawn<F>(&mut self, task: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Tasks that have returned are forgotten here, so a service may start any number of them.
        while self.running.try_join_next().is_some() {}
        self.running.spawn(task(Stop(self.asked.subscribe())).with_current_context());
    }

    /// Asks all tasks to end, waits at most `within` for them, and aborts the rest at their next `await`: their stages
    /// end as cancelled. Returns how many were aborted.
    ///
    /// Work on a blocking thread cannot be aborted. `#[tokio::main]` waits for it, but only after the guard has gone.
    pub async fn stop(mut self, within: Duration) -> usize {
        self.asked.send_replace(true);
        let deadline = Instant::now() + within;
        while let Ok(Some(_)) = timeout_at(deadline, self.running.join_next()).await {}
        let aborted = self.running.len();
        if aborted > 0 {
            tracing::warn!("journey: {aborted} tasks did not stop within {within:?} and are aborted");
            // Their futures drop here, and so do their stages, unless one blocks its thread.
            let _ = timeout(TASK_ABORT_MAX, self.running.shutdown()).await;
        }
        aborted
    }
}

impl Stop {
    /// Waits until the task should end. May be awaited any number of times.
    pub async fn asked(&self) {
        // An error says that `Tasks` was dropped, which is the end too.
        let _ = self.0.clone().wait_for(|asked| *asked).await;
    }

    /// Awaits `work` until the task should end; it is dropped then, and the result is `None`.
    pub async fn run_until_asked<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.asked() => None,
            result = work => Some(result),
        }
    }

    /// Whether the task should end, for work that cannot wait.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;

    /// Scenario: one task ends when asked, after a last step; one never listens.
    /// Guarantees: the first finishes its step; the second is dropped by the time `stop` returns, and counted.
    #[tokio::test]
    async fn asks_first_and_aborts_after_the_deadline() {
        struct SetOnDrop(Arc<AtomicBool>);
        impl Drop for SetOnDrop {
            fn drop(&mut self) {
                self.0.store(true, SeqCst);
            }
        }

        let [finished, dropped] = [Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false))];
        let mut tasks = Tasks::new();
        let last_step = finished.clone();
        tasks.spawn(|stop| async move {
            stop.asked().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
            last_step.store(stop.is_asked(), SeqCst);
        });
        let on_drop = SetOnDrop(dropped.clone());
        tasks.spawn(|_| async move {
            let _on_drop = on_drop;
            std::future::pending().await
        });
        tokio::task::yield_now().await;
        assert_eq!(tasks.stop(Duration::from_millis(500)).await, 1);
        assert!(finished.load(SeqCst) && dropped.load(SeqCst));
    }
}
