//! The span of a call, from the question to its answer.

use std::sync::Arc;

use journey_trace::SpanGuard;
use journey_trace::attribute::JOURNEY_MESSAGING_OUTCOME;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use lapin::BasicProperties;
use lapin::message::Delivery;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use crate::attributes::{self, CALL};
use crate::channel::State;
use crate::destination::{Destination, Place};
use crate::error_type;
use crate::headers::Arrived;
use crate::metrics::{self, Sample};
use crate::outcome::CallOutcome;

use super::RpcError;

/// A call that waits. Dropped, it ends as `abandoned`.
pub(super) struct OpenCall {
    /// Gone once it has ended.
    span: Option<SpanGuard>,
    context: Context,
    state: Arc<State>,
    destination: Arc<Destination>,
}

impl OpenCall {
    pub(super) fn start(to: Place<'_>, question: &BasicProperties, state: &Arc<State>) -> Self {
        let destination = state.destination(to);
        let span = Context::map_current(|parent| {
            SpanGuard::start_described(SpanKind::Client, &Hint::default(), parent, || Described {
                name: destination.span_name(CALL.name),
                attributes: attributes::call(&destination, question, state),
                links: vec![],
            })
        });
        let context = span.context().clone();
        Self { span: Some(span), context, state: Arc::clone(state), destination }
    }

    /// What the question is published in.
    pub(super) fn context(&self) -> Context {
        self.context.clone()
    }

    pub(super) fn end(mut self, answered: &Result<Delivery, RpcError>) {
        match answered {
            Ok(answer) => {
                let creation = Arrived::of(&answer.properties).creation();
                if let (Some(span), Some(creation)) = (&self.span, creation)
                    && span.is_recording()
                {
                    span.context().span().add_link(creation, vec![]);
                }
                self.finish(CallOutcome::Answered, None);
            }
            Err(error) => self.finish(error.outcome(), Some(error)),
        }
    }

    fn finish(&mut self, outcome: CallOutcome, error: Option<&RpcError>) {
        let Some(span) = self.span.take() else { return };
        let error_type = error.map(|error| match error {
            RpcError::Channel(error) => error_type::of(error),
            _ => outcome.as_str().into(),
        });
        span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OUTCOME, outcome.as_str()));
        let duration = span.elapsed();
        let sample = Sample::new(CALL, &self.destination, error_type.as_deref(), &self.state);
        metrics::operation(&sample, duration);
        metrics::outcome(CALL, &self.destination, outcome.as_str());
        if let (Some(error_type), Some(error)) = (error_type.clone(), error) {
            let description = match error {
                RpcError::Channel(error) => error_type::description(error),
                error => error_type::description(error),
            };
            span.fail(error_type, description);
        }
        span.end_at(duration);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.finish(CallOutcome::Abandoned, None);
    }
}
