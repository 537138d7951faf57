//! lapin with the journey in it: a [`Channel`] whose publishes carry the trace context and the business ids, and a
//! [`Consumer`] whose deliveries bring them back.
//!
//! # Layout
//! * [`ChannelExt::traced`] makes a [`Channel`] of lapin's; it derefs to lapin's and shadows the methods it changes;
//! * [`PublisherConfirm`]: the wait for the broker's confirm, where the producer span ends;
//! * [`Consumer`] and [`TracedDelivery`]: a stream of messages, each with a span that ends when it is settled; the same
//!   for a delegate ([`Consumer::set_delegate`]), for a pull ([`Channel::basic_get`]) and, under one span, for a batch
//!   ([`Consumer::next_batch`], [`Consumer::next_batch_within`]);
//! * [`RpcClient`]: questions over a queue, and their answers;
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
//! | `call {exchange}:{routing key}` | CLIENT, linked to the span that published the answer | [`RpcClient::call`] | the answer, or why there is none |
//! | `ack`, `nack`, `reject {...}` | CLIENT | only with [`Settings::settle_spans`] | |
//!
//! A `call` is no operation that the conventions know: it names its destination and conversation, and has no
//! `messaging.system`; the publish in it has. There are no `create` spans: AMQP 0-9-1 publishes each message by itself, so the span of its publish is what created it.
//!
//! Own attributes, all described in the project's `docs/attributes.md`: how it ended (`journey.messaging.outcome`:
//! [`PublishOutcome`], [`ConsumeOutcome`], [`CallOutcome`]), `.attempt`, `.redelivered`, `.queue_time`, `.dead_letter.*`,
//! `.stream_offset`, `.confirm_wait`, `.blocked`, `.overdue`, and the ids of the message's cell. Outcomes that mean harm
//! set the status Error and `error.type`; one that the handler chose (nack, reject) does not.
//!
//! A message that waited longer than [`Settings::fresh_within`] begins a trace of its own, linked to its creator; ids arrive
//! in every case.
//!
//! # Attempts
//! Each delivery says which one of its message it is, and is linked to the one before as far as anybody knows that:
//!
//! | the message comes again | number of the attempt | link to the attempt before |
//! |---|---|---|
//! | [`TracedDelivery::republish`], to any process | counted in a header | yes, a header names it |
//! | refused or lost, from a quorum queue | counted by the broker | if this process had it, of the last [`limits::ATTEMPTS_MAX`] |
//! | the same, from another queue | 2, however often | the same |
//! | rejected into a dead-letter exchange | counted in `x-death` | the same |
//!
//! A broker hands a message out as it was, and nobody can write into one that goes back: so an attempt of another process
//! is not linked. All attempts on one message are found all the same: each is a child of its creator or linked to it, by the
//! header `traceparent` that dead-lettering keeps, and has its number and the business ids. Where the chain itself must be
//! seen across processes, send the message on with `republish` and acknowledge it, instead of refusing it.
//!
//! Metrics, once they are asked for:
//!
//! | metric | what | attributes |
//! |---|---|---|
//! | `messaging.client.operation.duration` | histogram, s: publish until confirm, get, settlement of a delivery, call until answer | operation name and type (a call has none), destination or template, `error.type`, server |
//! | `messaging.process.duration` | histogram, s: from hand-over to settlement | the same without type |
//! | `messaging.client.sent.messages`, `messaging.client.consumed.messages` | counter | the same without type |
//! | `journey.messaging.queue.duration` | histogram, s: from publish to hand-over | destination |
//! | `journey.messaging.outcomes` | counter: publishes, deliveries, calls | operation name, destination, outcome |
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
//! # Connections that are recovered
//! With lapin's `enable_auto_recover` a consumer goes on after its connection was lost, and what was in flight comes again.
//! * A delivery from before ends as `ack_lost` or `channel_closed`, whatever its holder does; the next one is linked to it.
//! * What was prefetched before is dropped. lapin alone hands it out for a moment after the recovery, to be worked on in
//!   vain.
//! * An acknowledgement for all deliveries of a channel does not touch those from before.
//! * A call that waits ([`RpcClient`]) is not answered any more: it ends as `timed_out` or `channel_error`. Later ones are;
//!   but one that is sent before lapin listens for answers again, some milliseconds after the channel counts as connected,
//!   makes the broker close the channel.
//! * A channel that the broker closed by itself is not recovered ([`Consumer::is_lost`]): connect anew.
//!
//! A broker that is killed just after a durable queue was declared may come back with nothing in it, although the publishes
//! were confirmed: with RabbitMQ 3.10 so after 4 of 24 kills half a second later, and after none of 24 two and a half seconds
//! later. The recovery declares the queue anew, and waits for messages that do not come.
//!
//! # Limits
//! Every bound is in [`limits`]. Settlements by tag through the channel end the spans they cover and are not measured as
//! calls.

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
mod rpc;
mod settings;
mod unsettled;
mod watch;

pub use channel::{Channel, ChannelExt};
pub use consumer::{Consumer, ConsumerDelegate, TracedBatch};
pub use delivery::TracedDelivery;
pub use get::TracedGetMessage;
pub use headers::{dropped_headers, extract, inject, propagate};
pub use history::unlinked_attempts;
pub use outcome::{CallOutcome, ConsumeOutcome, PublishOutcome};
pub use publish::PublisherConfirm;
pub use rpc::{RpcClient, RpcError};
pub use settings::{Propagation, Settings, Template};
