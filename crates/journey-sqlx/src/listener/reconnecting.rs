//! The span of a new connection.

use journey_trace::SpanGuard;

use crate::outcome::Outcome;
use crate::wait::Wait;

/// Says so if nobody waits for it any more.
pub(super) struct Reconnecting {
    pub(super) span: SpanGuard,
    /// How long the pool was waited for.
    pub(super) wait: Option<Wait>,
    pub(super) is_over: bool,
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        if let Some(wait) = self.wait.take() {
            wait.record(&self.span);
        }
        if !self.is_over {
            Outcome::Cancelled.record(&self.span);
        }
    }
}
