//! The end of a delivery: what the handler told the broker, and whether that had an effect.

use std::time::Instant;

use journey_trace::SpanGuard;
use journey_trace::metrics::is_installed;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use lapin::Result;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use opentelemetry::trace::SpanKind;

use crate::attributes::{self, ACK, NACK, Operation, REJECT};
use crate::metrics::{self, Sample};
use crate::outcome::ConsumeOutcome;
use crate::{error_type, watch};

use super::TracedDelivery;

impl TracedDelivery {
    /// Acknowledges; the span ends as `ack`, or as `ack_lost`, `ack_timeout` or `channel_closed` if it had no effect.
    ///
    /// As lapin's: `Ok(false)` means that it had none, and that the message comes again.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn ack(&self, options: BasicAckOptions) -> Result<bool> {
        let settled = self.settling(ACK, self.acker.ack(options)).await;
        self.settle(ConsumeOutcome::Ack, options.multiple, &settled);
        settled
    }

    /// Refuses; the span ends as `nack_requeue` or `nack_drop`, or as with [`TracedDelivery::ack`].
    ///
    /// # Errors
    /// What lapin says.
    pub async fn nack(&self, options: BasicNackOptions) -> Result<bool> {
        let settled = self.settling(NACK, self.acker.nack(options)).await;
        self.settle(ConsumeOutcome::of_nack(options.requeue), options.multiple, &settled);
        settled
    }

    /// Rejects; the span ends as `reject_requeue` or `reject_drop`, or as with [`TracedDelivery::ack`].
    ///
    /// # Errors
    /// What lapin says.
    pub async fn reject(&self, options: BasicRejectOptions) -> Result<bool> {
        let settled = self.settling(REJECT, self.acker.reject(options)).await;
        self.settle(ConsumeOutcome::of_reject(options.requeue), false, &settled);
        settled
    }

    /// Whether its span has ended: it was acknowledged, refused or rejected, with or without effect.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.is_settled()
    }

    /// Measures the call, and gives it a span of its own if the settings ask for one.
    async fn settling(&self, operation: Operation, call: impl Future<Output = Result<bool>>) -> Result<bool> {
        let span = self.settle_span(operation);
        let started = is_installed().then(Instant::now);
        let settled = call.await;
        let error_type = settled.as_ref().err().map(error_type::of);
        if let Some(started) = started {
            let (destination, state) = (&self.open.destination, &self.open.source.state);
            let sample = Sample::new(operation, destination, error_type.as_deref(), state);
            metrics::operation(&sample, started.elapsed());
        }
        if let (Some(span), Some(error_type), Err(error)) = (&span, error_type, &settled) {
            span.fail(error_type, error_type::description(error));
        }
        settled
    }

    fn settle_span(&self, operation: Operation) -> Option<SpanGuard> {
        let (destination, state) = (&self.open.destination, &self.open.source.state);
        if !state.config.settings.has_settle_spans {
            return None;
        }
        let describe = || {
            let properties = Some(&self.properties);
            let mut attributes = attributes::common(operation, destination, properties, state);
            attributes.push(attributes::delivery_tag(self.delivery_tag));
            Described { name: destination.span_name(operation.name), attributes, links: vec![] }
        };
        Some(SpanGuard::start_described(SpanKind::Client, &Hint::default(), self.context(), describe))
    }

    fn settle(&self, meant: ConsumeOutcome, multiple: bool, settled: &Result<bool>) {
        let outcome = match settled {
            Ok(true) => meant,
            // A second settlement is no effect too; it is not the one that counts.
            _ if self.open.is_settled() => return,
            // Settled past this wrapper before, by lapin's own acker: how, nobody can tell.
            Ok(false) if !self.acker.poisoned() => return self.open.end_unsaid(),
            Ok(false) => self.of_dead_channel(ConsumeOutcome::AckLost),
            Err(error) => {
                self.open.source.state.unsettled.death.heard(error);
                self.open.source.state.unsettled.death.outcome_or(ConsumeOutcome::ChannelClosed)
            }
        };
        self.open.settle(outcome);
        if multiple && matches!(settled, Ok(true)) {
            self.open.source.state.unsettled.settle(self.delivery_tag, true, outcome);
        }
    }

    /// How a delivery ends whose channel is dead, if not because an acknowledgement did not come in time.
    pub(super) fn of_dead_channel(&self, otherwise: ConsumeOutcome) -> ConsumeOutcome {
        let state = &self.open.source.state;
        if !state.unsettled.death.is_timed_out() {
            match self.feed.upgrade() {
                Some(feed) => feed.look_at_channel(),
                None => watch::look_at_channel(state),
            }
        }
        state.unsettled.death.outcome_or(otherwise)
    }
}
