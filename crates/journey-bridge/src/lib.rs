//! The bridge between OTLP and RabbitMQ. Its first part is the [`relay`]: OTLP/HTTP in, RabbitMQ stream out.
//!
//! No collector component publishes traces to RabbitMQ so that a message which reached no queue counts as refused.
//! The relay does: it answers its client only after the broker's confirm, and keeps nothing itself. Whoever sends
//! to it (an SDK's exporter, a collector's persistent queue) keeps the data until it has that answer.
//!
//! # Layout
//! * [`relay`]: the server, from the HTTP request to the confirm;
//! * [`split`]: a body that is too large for one message, cut into several;
//! * [`limits`]: every bound of this crate, with what happens at it.
//!
//! # Quick start
//! ```no_run
//! use journey_bridge::relay::{Config, Relay};
//!
//! # async fn start() -> anyhow::Result<()> {
//! let config = Config { listen: "127.0.0.1:4328".parse()?, amqp: Config::parse_amqp("amqp://127.0.0.1:5672")? };
//! let relay = Relay::bind(config).await?;
//! relay.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//! The same as a program: `journey-bridge relay --listen 127.0.0.1:4328 --amqp-url amqp://127.0.0.1:5672`.

pub mod limits;
pub mod split;

pub mod relay;
