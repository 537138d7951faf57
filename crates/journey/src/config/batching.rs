//! How spans wait for their export.

use std::time::Duration;

use crate::init::InitError;
use crate::limits::{BATCH_MAX, SPAN_LINGER, SPAN_QUEUE_CAPACITY_MAX, SPAN_QUEUE_MAX};

use super::{Environment, number};

/// The `OTEL_BSP_*` variables, as far as our own queue has such a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    /// `OTEL_BSP_MAX_QUEUE_SIZE`: spans that wait.
    pub(crate) queue: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`: spans taken at a time.
    pub(crate) batch: usize,
    /// `OTEL_BSP_SCHEDULE_DELAY`: how long a span waits for company.
    pub(crate) linger: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self { queue: SPAN_QUEUE_MAX, batch: BATCH_MAX, linger: SPAN_LINGER }
    }
}

impl Batching {
    pub(super) fn read(environment: &Environment) -> Result<Self, InitError> {
        let default = Self::default();
        let spans = |variable| {
            number::whole(
                environment,
                variable,
                1..=SPAN_QUEUE_CAPACITY_MAX,
                "a number of spans, from 1 to 1048576",
            )
        };
        let queue = spans("OTEL_BSP_MAX_QUEUE_SIZE")?.unwrap_or(default.queue);
        let batch = spans("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")?.unwrap_or(default.batch);
        let linger = number::millis_or_at_once(environment, "OTEL_BSP_SCHEDULE_DELAY", default.linger)?;
        // The specification wants the batch not to be larger than the queue; one that is would never be ready.
        Ok(Self { queue, batch: batch.min(queue), linger })
    }
}
