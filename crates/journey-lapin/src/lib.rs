//! lapin with the journey in it: a [`Channel`] whose publishes carry the trace context and the business ids, and a
//! [`Consumer`] whose deliveries bring them back.
//!
//! # Layout
//! * [`ChannelExt::traced`] makes a [`Channel`] of lapin's; it derefs to lapin's and shadows the methods it changes;
//! * [`PublisherConfirm`]: the wait for the broker's confirm, where the producer span ends;
//! * [`Consumer`] and [`TracedDelivery`]: a stream of messages, each with a span that ends when it is settled; the same
//!   for a delegate ([`Consumer::set_delegate`]), for a pull ([`Channel::basic_get`]) and, under one span, for a batch
//!   ([`Consumer::next_batch`]);
//! * [`TracedDelivery::stage`], [`TracedDelivery::republish`], [`TracedDelivery::reply`]: long work, another try, an
//!   answer, each in the story of the message;
//! * [`inject`] and [`extract`]: the same for code that has its own channel types.
//!
//! # What is emitted
//! Spans of the OpenTelemetry semantic conventions 1.44 for RabbitMQ:
//!
//! | span | kind | from | to |
//! |---|---|---|---|
//! | `publish {exchange}:{routing key}` | PRODUCER | `basic_publish` is called | the confirm is there |
//! | the same, message has a `traceparent` already | CLIENT, linked to it | the same | the same |
//! | `consume {exchange}:{routing key}:{queue}` | CONSUMER, child of the message's span and linked to it | the message is handed over | ack, nack, reject or drop |
//! | `process {exchange}:{routing key}:{queue}` | the same, for a message of `basic_get` | the same | the same |
//! | `get {queue}` | CLIENT, linked to the message's span | `basic_get` is called | its answer is there |
//! | `ack`, `nack`, `reject {...}` | CLIENT | only with [`Settings::settle_spans`] | |
//!
//! Own attributes, all described in the project's `docs/attributes.md`: how it ended (`journey.messaging.outcome`:
//! [`PublishOutcome`], [`ConsumeOutcome`]), `.attempt`, `.redelivered`, `.queue_time`, `.dead_letter.*`,
//! `.stream_offset`, `.confirm_wait`, `.blocked`, `.overdue`, and the ids of the message's cell. Outcomes that mean harm
//! set the status Error and `error.type`; one that the handler chose (nack, reject) does not.
//!
//! A delivery is linked to the attempt before it: to the one that a header names ([`TracedDelivery::republish`]), or to
//! one of this process that was not acknowledged, also through a dead-letter exchange. A message that waited longer than
//! [`Settings::fresh_within`] begins a trace of its own, linked to its creator; ids arrive in every case.
//!
//! Metrics, once they are asked for:
//!
//! | metric | what | attributes |
//! |---|---|---|
//! | `messaging.client.operation.duration` | histogram, s: publish until confirm, get, settlement of a delivery | operation name and type, destination or template, `error.type`, server |
//! | `messaging.process.duration` | histogram, s: from hand-over to settlement | the same without type |
//! | `messaging.client.sent.messages`, `messaging.client.consumed.messages` | counter | the same without type |
//! | `journey.messaging.queue.duration` | histogram, s: from publish to hand-over | destination |
//! | `journey.messaging.outcomes` | counter | operation name, destination, outcome |
//! | `journey.messaging.redeliveries`, `.overdue`, `.consumers_lost` | counter | destination |
//! | `journey.messaging.unsettled.count`, `.age` | gauge, and age of the oldest in s; 0 while the queue is consumed and nothing held | destination (the queue; none for a made-up name) |
//!
//! Warnings, through `tracing`: `journey.messaging.consumer_lost` when a consumer gets no messages any more
//! ([`Consumer::is_lost`] says when that is known), and `journey.messaging.overdue` when a delivery comes near the broker's acknowledgement
//! timeout ([`Settings::ack_timeout`]). A thread of its own sees to both, so they come even if the runtime is busy.
//!
//! Headers: W3C `traceparent`, `tracestate` unless it is empty, `baggage` with the business ids; `journey-sent-ms`, the
//! time of the publish; with `republish` `journey-prev` and `journey-attempt`; with [`propagate`]
//! `journey-propagation`. They are left out rather than let a message grow beyond [`limits::HEADER_BYTES_MAX`]: one
//! frame that is too large would close the whole connection.
//!
//! # Quick start
//! ```no_run
//! use futures_util::StreamExt;
//! use journey_lapin::ChannelExt;
//! use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
//! use lapin::{BasicProperties, Connection, ConnectionProperties};
//!
//! # async fn example() -> lapin::Result<()> {
//! let connection = Connection::connect("amqp://127.0.0.1:5672", ConnectionProperties::default()).await?;
//! let channel = connection.create_channel().await?.traced().on(&connection);
//! channel.confirm_select(ConfirmSelectOptions::default()).await?;
//!
//! let properties = BasicProperties::default();
//! let confirm = channel
//!     .basic_publish("orders".into(), "price.requested".into(), BasicPublishOptions::default(), b"{}", properties)
//!     .await?;
//! confirm.await?;
//!
//! let mut consumer = channel
//!     .basic_consume("prices".into(), "".into(), BasicConsumeOptions::default(), Default::default())
//!     .await?;
//! while let Some(delivery) = consumer.next().await {
//!     let delivery = delivery?;
//!     delivery
//!         .process(async |delivery| {
//!             // Spans, stages and log lines in here belong to the message.
//!             delivery.ack(BasicAckOptions::default()).await.map(drop)
//!         })
//!         .await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Customization
//! lapin's channel knows neither its broker nor its connection: [`Channel::at`] gives `server.address` and `server.port`
//! to spans, [`Channel::on`] protects the connection from headers that are too large. Without `on` nobody knows how
//! large a frame may be, and a publish with larger headers closes the connection, as with lapin alone. [`Settings`] for the rest. lapin's
//! own spans (target `lapin`) live as long as the connection; a bridge of `tracing` should leave them out.
//!
//! # Limits
//! Every bound is in [`limits`]. Attempts are linked in other processes only if the message was published again: a
//! broker hands a message out as it was. Settlements by tag through the channel end the spans they cover and are not
//! measured as calls.

#[cfg(test)]
mod allocations;
mod attributes;
mod channel;
mod consumer;
mod delivery;
mod destination;
mod error_type;
mod get;
mod headers;
mod history;
pub mod limits;
mod metrics;
mod outcome;
mod publish;
mod settings;
mod unsettled;
mod watch;

pub use channel::{Channel, ChannelExt};
pub use consumer::{Consumer, ConsumerDelegate, TracedBatch};
pub use delivery::TracedDelivery;
pub use get::TracedGetMessage;
pub use headers::{dropped_headers, extract, inject, propagate};
pub use outcome::{ConsumeOutcome, PublishOutcome};
pub use publish::PublisherConfirm;
pub use settings::{Propagation, Settings, Template};
