//! lapin with the journey in it: a [`Channel`] whose publishes carry the trace context and the business ids, and a
//! [`Consumer`] whose deliveries bring them back.
//!
//! # Layout
//! * [`ChannelExt::traced`] makes a [`Channel`] of lapin's; it derefs to lapin's and shadows the methods it changes;
//! * [`PublisherConfirm`]: the wait for the broker's confirm, where the producer span ends;
//! * [`Consumer`] and [`TracedDelivery`]: a stream of messages, each with a span that ends when it is settled;
//! * [`inject`] and [`extract`]: the same for code that has its own channel types.
//!
//! # What is emitted
//! Spans of the OpenTelemetry semantic conventions 1.44 for RabbitMQ, through the global tracer:
//!
//! | span | kind | from | to |
//! |---|---|---|---|
//! | `publish {exchange}:{routing key}` | PRODUCER | `basic_publish` is called | the confirm is there |
//! | the same, message has a `traceparent` already | CLIENT, linked to it | the same | the same |
//! | `consume {exchange}:{routing key}:{queue}` | CONSUMER, child of the message's span and linked to it | the stream hands the message over | ack, nack, reject or drop |
//!
//! Own attributes: `journey.messaging.outcome` ([`PublishOutcome`], [`ConsumeOutcome`]),
//! `journey.messaging.redelivered`, `journey.messaging.attempt`, and the ids of the message's cell. Outcomes that mean
//! harm set the status Error and `error.type`; one that the handler chose (nack, reject) does not.
//!
//! Headers: W3C `traceparent`, `tracestate` unless it is empty, `baggage` with the business ids. They are left out
//! rather than let a message grow beyond [`limits::HEADER_BYTES_MAX`]: one frame that is too large would close the
//! whole connection.
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
//! let channel = connection.create_channel().await?.traced();
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
//! [`Channel::at`] says which broker it is, for `server.address` and `server.port`: lapin's connection does not tell.
//!
//! # Limits
//! `set_delegate` and `basic_get` are lapin's own, without spans.

mod attributes;
mod channel;
mod consumer;
mod delivery;
mod destination;
mod error_type;
mod headers;
pub mod limits;
mod outcome;
mod publish;
mod unsettled;

pub use channel::{Channel, ChannelExt};
pub use consumer::Consumer;
pub use delivery::TracedDelivery;
pub use headers::{dropped_headers, extract, inject};
pub use outcome::{ConsumeOutcome, PublishOutcome};
pub use publish::PublisherConfirm;
