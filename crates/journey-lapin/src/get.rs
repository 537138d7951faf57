//! A message that was asked for.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use lapin::Result;
use lapin::message::BasicGetMessage;
use lapin::types::ShortString;
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};

use crate::attributes::{self, GET, PROCESS};
use crate::channel::State;
use crate::consumer::Source;
use crate::delivery::TracedDelivery;
use crate::destination::{Destination, Place};
use crate::headers::Arrived;
use crate::metrics::{self, Sample};
use crate::{error_type, watch};

/// A message from [`crate::Channel::basic_get`], and how many more there are. It derefs to the delivery.
#[derive(Debug)]
pub struct TracedGetMessage {
    /// The message, with a span until it is settled.
    pub delivery: TracedDelivery,
    /// Messages that are still in the queue.
    pub message_count: u32,
}

impl Deref for TracedGetMessage {
    type Target = TracedDelivery;

    fn deref(&self) -> &TracedDelivery {
        &self.delivery
    }
}

/// A call that asks for a message.
pub(crate) struct OpenGet {
    span: SpanGuard,
    state: Arc<State>,
    destination: Arc<Destination>,
}

impl OpenGet {
    /// Which exchange and routing key the message came by is not known yet, so the destination is the queue.
    pub(crate) fn start(queue: &str, state: &Arc<State>) -> Self {
        let destination = state.destination(Place { exchange: "", routing_key: "", queue: Some(queue) });
        let span = Context::map_current(|parent| {
            SpanGuard::start_described(SpanKind::Client, &Hint::default(), parent, || Described {
                name: destination.span_name(GET.name),
                attributes: attributes::common(GET, &destination, None, state),
                links: vec![],
            })
        });
        Self { span, state: Arc::clone(state), destination }
    }

    pub(crate) fn end(
        self,
        got: Result<Option<BasicGetMessage>>,
        queue: ShortString,
        no_ack: bool,
    ) -> Result<Option<TracedGetMessage>> {
        self.say(&got);
        let Some(BasicGetMessage { delivery, message_count }) = got? else { return Ok(None) };
        watch::channel(&self.state);
        let source = Source::new(queue, no_ack, PROCESS, &self.state);
        let delivery = TracedDelivery::open(delivery, &source, Weak::new());
        Ok(Some(TracedGetMessage { delivery, message_count }))
    }

    fn say(&self, got: &Result<Option<BasicGetMessage>>) {
        let error_type = got.as_ref().err().map(error_type::of);
        let sample = Sample::new(GET, &self.destination, error_type.as_deref(), &self.state);
        metrics::operation(&sample, self.span.elapsed());
        match got {
            Ok(None) => {}
            Ok(Some(message)) => self.say_message(message),
            Err(error) => self.span.fail(error_type::of(error), error_type::description(error)),
        }
    }

    fn say_message(&self, message: &BasicGetMessage) {
        if !self.span.is_recording() {
            return;
        }
        self.span.set_attribute(attributes::delivery_tag(message.delivery.delivery_tag));
        if let Some(creation) = Arrived::of(&message.delivery.properties).creation() {
            self.span.context().span().add_link(creation, vec![]);
        }
    }
}
