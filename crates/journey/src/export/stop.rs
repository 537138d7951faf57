//! The end of the export thread.

use std::time::Instant;

use tokio::sync::watch;

/// Tells the export thread to stop. Dropping it stops at once.
#[derive(Debug)]
pub(super) struct StopSender(watch::Sender<Option<Instant>>);

/// Knows whether to stop, and until when there is time for the rest.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<Option<Instant>>);

pub(super) fn channel() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(None);
    (StopSender(sender), Stop(receiver))
}

impl StopSender {
    pub(super) fn stop(&self, deadline: Instant) {
        // Nobody listens any more only if the thread has ended.
        let _ = self.0.send(Some(deadline));
    }
}

impl Stop {
    pub(super) fn is_stopping(&self) -> bool {
        self.0.borrow().is_some() || self.0.has_changed().is_err()
    }

    /// Waits for the order to stop, and returns until when.
    pub(super) async fn ordered(&mut self) -> Instant {
        let deadline = self.0.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline);
        deadline.unwrap_or_else(Instant::now)
    }

    /// Waits until the time for the rest is over.
    pub(super) async fn overdue(mut self) {
        let deadline = self.ordered().await;
        tokio::time::sleep_until(deadline.into()).await;
    }
}
