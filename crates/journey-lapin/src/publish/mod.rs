//! The span of a publish, from the call to the broker's confirm.

mod confirm;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use journey_trace::SpanGuard;
use journey_trace::attribute::{
    JOURNEY_MESSAGING_BLOCKED, JOURNEY_MESSAGING_CONFIRM_WAIT, JOURNEY_MESSAGING_OUTCOME,
};
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use lapin::message::BasicReturnMessage;
use lapin::protocol::{AMQPError, AMQPHardError};
use lapin::{BasicProperties, Confirmation, Error, ErrorKind, Result};
use opentelemetry::trace::{Link, SpanKind};
use opentelemetry::{Context, KeyValue};

use crate::attributes::PUBLISH;
use crate::channel::State;
use crate::destination::{Destination, Place};
use crate::headers::{Arrived, Writer, fits};
use crate::metrics::{self, Sample};
use crate::outcome::PublishOutcome;
use crate::{attributes, error_type};

pub use confirm::PublisherConfirm;

/// A publish whose outcome is not known yet. Dropped, it ends as `confirm_dropped`.
pub(crate) struct OpenPublish(Option<Going>);

struct Going {
    span: SpanGuard,
    state: Arc<State>,
    destination: Arc<Destination>,
    /// How long it took to hand the message to the connection.
    written: Option<Duration>,
}

/// What went wrong: `error.type` and a text.
type Failure = (Cow<'static, str>, Cow<'static, str>);

impl OpenPublish {
    /// Starts the span and gives the message its headers.
    pub(crate) fn start(
        to: Place<'_>,
        state: &Arc<State>,
        properties: BasicProperties,
        parent: &Context,
    ) -> (Self, BasicProperties) {
        let creation = Arrived::of(&properties).creation();
        let kind = if creation.is_some() { SpanKind::Client } else { SpanKind::Producer };
        let destination = state.destination(to);
        let span = SpanGuard::start_described(kind, &Hint::default(), parent, || Described {
            name: destination.span_name(PUBLISH.name),
            attributes: attributes::common(PUBLISH, &destination, Some(&properties), state),
            links: creation.iter().cloned().map(Link::with_context).collect(),
        });
        let mut writer = Writer::of(&properties, state.header_bytes_max());
        // Somebody else created the message: who reads it shall find that one.
        if creation.is_none() {
            writer.put_context(span.context());
        }
        writer.put_sent();
        let properties = writer.into_properties(properties);
        let state = Arc::clone(state);
        (Self(Some(Going { span, state, destination, written: None })), properties)
    }

    /// Whether the broker is going to take these headers, as far as its limit is known.
    pub(crate) fn check_frame(&self, properties: &BasicProperties) -> Result<()> {
        let frame_max = self.0.as_ref().and_then(|going| going.state.frame_max());
        match frame_max {
            Some(frame_max) if !fits(properties, frame_max) => Err(frame_error(frame_max)),
            _ => Ok(()),
        }
    }

    /// The message was handed to the connection; from here on the broker is waited for.
    pub(crate) fn written(&mut self) {
        if let Some(going) = &mut self.0 {
            going.written = Some(going.span.elapsed());
        }
    }

    /// The broker never saw the message, or nobody knows.
    pub(crate) fn channel_failed(self, error: &Error) {
        self.fail(PublishOutcome::ChannelError, error_type::of(error), error_type::description(error));
    }

    /// An ack that carries a returned message is none: the broker acks what it cannot route.
    fn confirmed(self, confirmed: &Result<Confirmation>) {
        match confirmed {
            Ok(Confirmation::Ack(None)) => self.end(PublishOutcome::Acked),
            Ok(Confirmation::Ack(Some(message)) | Confirmation::Nack(Some(message))) => {
                self.returned(message)
            }
            Ok(Confirmation::Nack(None)) => {
                let nacked = PublishOutcome::Nacked;
                self.fail(nacked, nacked.as_str().into(), "the broker refused the message");
            }
            Ok(Confirmation::NotRequested) => self.end(PublishOutcome::NotRequested),
            Err(error) => {
                if let Some(going) = &self.0 {
                    going.state.unsettled.death.heard(error);
                }
                self.channel_failed(error);
            }
        }
    }

    fn returned(self, message: &BasicReturnMessage) {
        let error_type = match message.error() {
            Some(error) => error_type::of_amqp(error.kind()),
            None => PublishOutcome::Returned.as_str().into(),
        };
        self.fail(PublishOutcome::Returned, error_type, error_type::description(&message.reply_text));
    }

    fn fail(
        mut self,
        outcome: PublishOutcome,
        error_type: Cow<'static, str>,
        description: impl Into<Cow<'static, str>>,
    ) {
        if let Some(going) = self.0.take() {
            going.end(outcome, Some((error_type, description.into())));
        }
    }

    pub(crate) fn end(mut self, outcome: PublishOutcome) {
        if let Some(going) = self.0.take() {
            going.end(outcome, None);
        }
    }
}

impl Drop for OpenPublish {
    fn drop(&mut self) {
        if let Some(going) = self.0.take() {
            going.end(PublishOutcome::ConfirmDropped, None);
        }
    }
}

impl fmt::Debug for OpenPublish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenPublish").field(&self.0.as_ref().map(|going| &going.span)).finish()
    }
}

impl Going {
    fn end(self, outcome: PublishOutcome, failure: Option<Failure>) {
        let Self { span, state, destination, written } = self;
        let duration = span.elapsed();
        let error_type = failure.as_ref().map(|(error_type, _)| &**error_type);
        let sample = Sample::new(PUBLISH, &destination, error_type, &state);
        metrics::operation(&sample, duration);
        metrics::sent(&sample);
        metrics::outcome(PUBLISH, &destination, outcome.as_str());
        if span.is_recording() {
            span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OUTCOME, outcome.as_str()));
            if let Some(written) = written.filter(|_| outcome != PublishOutcome::ConfirmDropped) {
                let waited = duration.saturating_sub(written).as_secs_f64();
                span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_CONFIRM_WAIT, waited));
            }
            if state.was_blocked_within(duration) {
                span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_BLOCKED, true));
            }
            if let Some((error_type, description)) = failure {
                span.fail(error_type, description);
            }
        }
        span.end_at(duration);
    }
}

/// What the broker would close the connection with.
fn frame_error(frame_max: usize) -> Error {
    let text = format!("FRAME_ERROR - headers are larger than frame_max, {frame_max} bytes");
    ErrorKind::ProtocolError(AMQPError::new(AMQPHardError::FRAMEERROR.into(), text.into())).into()
}
