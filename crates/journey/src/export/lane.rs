//! The journey lane's way out.

use std::sync::Arc;

use journey_model::{Resource, Signal, SpanRecord, attribute};
use journey_otlp::{Details, Scope};
use tokio::sync::Notify;

use crate::limits::{BATCH_MAX, LANE_LINGER};

use super::bodies::Sender;
use super::courier::Courier;
use super::stop::Stop;
use super::{Item, Tally};

/// Takes records out of the lane as they come, and returns when it is to stop and nothing is left.
pub(super) struct LaneExport {
    pub(super) tally: Arc<Tally>,
    pub(super) resource: Arc<Resource<'static>>,
    /// `None`: the lane goes nowhere, on purpose.
    pub(super) courier: Option<Courier>,
    pub(super) ready: Arc<Notify>,
    /// Whether sampled ends go with the spans too, because those go elsewhere.
    pub(super) copies_ends: bool,
    pub(super) stop: Stop,
}

impl LaneExport {
    pub(super) async fn run(mut self) {
        loop {
            self.wait().await;
            self.drain().await;
            if self.stop.is_stopping() && self.tally.lane.is_empty() {
                return;
            }
        }
    }

    /// Waits for the first record, and a little for its company.
    async fn wait(&mut self) {
        tokio::select! {
            () = self.ready.notified() => {}
            () = self.tally.flush_lane.notified() => return,
            _ = self.stop.ordered() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(LANE_LINGER) => {}
            () = self.tally.flush_lane.notified() => {}
            _ = self.stop.ordered() => {}
        }
    }

    async fn drain(&mut self) {
        loop {
            let count = self.tally.lane.len().min(BATCH_MAX);
            if count == 0 {
                return;
            }
            let mut in_flight = self.tally.signals_out.take(count as u64);
            let batch = self.tally.lane.take_batch(count);
            self.copy_ends(&batch);
            let Some(courier) = &mut self.courier else {
                in_flight.kept_here();
                continue;
            };
            let sender = Sender {
                resource: &self.resource,
                scope: Scope { schema_url: attribute::JOURNEY_SCHEMA_URL, ..super::OUR_SCOPE },
            };
            for body in sender.encode(batch.into_iter().map(|record| (record, Details::default()))) {
                let of_body = in_flight.split_off(body.records);
                courier.deliver(body, of_body).await;
            }
        }
    }

    fn copy_ends(&self, batch: &[SpanRecord<'static>]) {
        let is_sampled_end = |record: &&SpanRecord<'_>| {
            record.flags & 1 == 1 && record.str(attribute::JOURNEY_SIGNAL) == Some(Signal::End.as_str())
        };
        if self.copies_ends {
            let ends = batch.iter().filter(is_sampled_end);
            ends.for_each(|end| self.tally.spans.push(Item::Stage(Box::new(end.clone()))));
        }
    }
}
