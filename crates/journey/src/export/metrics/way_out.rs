//! The metrics' way out.

use std::sync::Arc;

use crate::export::Tally;
use crate::export::courier::Courier;
use crate::export::stop::Stop;

/// Takes collections out of their queue as they come, and returns when the queue is closed and nothing is left.
pub(in crate::export) struct MetricExport {
    pub(in crate::export) tally: Arc<Tally>,
    pub(in crate::export) courier: Courier,
    pub(in crate::export) stop: Stop,
}

impl MetricExport {
    pub(in crate::export) async fn run(mut self) {
        loop {
            self.wait().await;
            let is_closed = self.tally.metrics.is_closed();
            self.drain().await;
            if is_closed {
                return;
            }
        }
    }

    /// The last collection closes the queue, at the latest the deadline of the shutdown ends this thread.
    async fn wait(&mut self) {
        if self.stop.is_stopping() {
            return self.tally.metrics.ready().await;
        }
        tokio::select! {
            () = self.tally.metrics.ready() => {}
            _ = self.stop.ordered() => {}
        }
    }

    async fn drain(&mut self) {
        let tally = self.tally.clone();
        while let Some((body, in_flight)) = tally.metrics.take(|points| tally.metrics_out.take(points)) {
            self.courier.deliver(body, in_flight).await;
        }
    }
}
