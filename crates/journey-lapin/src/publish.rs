//! The span of a publish, from the call to the broker's confirm.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use journey_trace::SpanGuard;
use journey_trace::attribute::JOURNEY_MESSAGING_OUTCOME;
use lapin::message::BasicReturnMessage;
use lapin::{BasicProperties, Confirmation, Error, Result};
use opentelemetry::trace::{Link, SpanKind};
use opentelemetry::{Context, KeyValue};

use crate::channel::Broker;
use crate::outcome::PublishOutcome;
use crate::{attributes, destination, error_type, headers};

/// The wait for the broker's confirm, as lapin's; the producer span ends with it.
///
/// Dropped without being awaited, the span ends as `confirm_dropped`.
#[derive(Debug)]
#[must_use = "whether the broker took the message is known only by awaiting this"]
pub struct PublisherConfirm {
    inner: lapin::PublisherConfirm,
    open: Option<OpenPublish>,
}

impl PublisherConfirm {
    pub(crate) fn waiting(inner: lapin::PublisherConfirm, open: OpenPublish) -> Self {
        Self { inner, open: Some(open) }
    }

    pub(crate) fn not_requested(inner: lapin::PublisherConfirm, open: OpenPublish) -> Self {
        open.end(PublishOutcome::NotRequested);
        Self { inner, open: None }
    }
}

impl Future for PublisherConfirm {
    type Output = Result<Confirmation>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let confirmed = Pin::new(&mut self.inner).poll(cx);
        if let Poll::Ready(confirmed) = &confirmed
            && let Some(open) = self.open.take()
        {
            open.confirmed(confirmed);
        }
        confirmed
    }
}

/// Where a message goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
}

/// A publish whose outcome is not known yet. Dropped, it ends as `confirm_dropped`.
#[derive(Debug)]
pub(crate) struct OpenPublish(Option<SpanGuard>);

impl OpenPublish {
    /// Starts the span and gives the message its headers.
    pub(crate) fn start(
        to: Target<'_>,
        broker: Option<&Broker>,
        properties: BasicProperties,
        parent: &Context,
    ) -> (Self, BasicProperties) {
        let creation = headers::creation_context(&properties);
        let kind = if creation.is_some() { SpanKind::Client } else { SpanKind::Producer };
        let links = creation.iter().cloned().map(Link::with_context).collect();
        let name = destination::of_publish(to.exchange, to.routing_key);
        // Only the default exchange leads to a queue by its name.
        let is_anonymous = to.exchange.is_empty() && destination::is_anonymous(to.routing_key);
        let span_name = destination::span_name(attributes::PUBLISH.name, &name, is_anonymous);
        let attributes =
            attributes::common(attributes::PUBLISH, name, is_anonymous, to.routing_key, &properties, broker);
        let span = SpanGuard::start(span_name, kind, attributes, links, parent);
        let properties = match creation {
            // Somebody else created the message; who reads it shall find that one.
            Some(_) => properties,
            None => headers::inject(properties, span.context()),
        };
        (Self(Some(span)), properties)
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
                self.fail(
                    PublishOutcome::Nacked,
                    PublishOutcome::Nacked.as_str(),
                    "the broker refused the message",
                );
            }
            Ok(Confirmation::NotRequested) => self.end(PublishOutcome::NotRequested),
            Err(error) => self.channel_failed(error),
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
        self,
        outcome: PublishOutcome,
        error_type: impl Into<std::borrow::Cow<'static, str>>,
        description: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        if let Some(span) = &self.0 {
            span.fail(error_type, description);
        }
        self.end(outcome);
    }

    pub(crate) fn end(mut self, outcome: PublishOutcome) {
        end(self.0.take(), outcome);
    }
}

impl Drop for OpenPublish {
    fn drop(&mut self) {
        end(self.0.take(), PublishOutcome::ConfirmDropped);
    }
}

fn end(span: Option<SpanGuard>, outcome: PublishOutcome) {
    if let Some(span) = span {
        span.set_attribute(KeyValue::new(JOURNEY_MESSAGING_OUTCOME, outcome.as_str()));
        span.end();
    }
}
