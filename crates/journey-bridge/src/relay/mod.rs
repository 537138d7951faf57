//! OTLP/HTTP in, RabbitMQ stream out.
//!
//! In: `POST /v1/traces` with OTLP protobuf, plain, gzip or zstd. Out: the same bytes as messages of the stream
//! `traces.events`, and an answer after the broker's confirm. Never: a queue of its own, a repeat of its own, a 200
//! for something the broker does not hold. A repeat by the client may publish the same spans twice; readers drop
//! repeats by span id, and the message id is the same for the same bytes.
//!
//! | answer | when |
//! |---|---|
//! | 200 | the broker confirmed all messages of the request |
//! | 400 | the body is no OTLP protobuf; the text names the place |
//! | 408 | the body did not arrive within [`BODY_READ_TIME_MAX`](crate::limits::BODY_READ_TIME_MAX) |
//! | 413 | the body has more than [`REQUEST_BYTES_MAX`](crate::limits::REQUEST_BYTES_MAX), one span more than a message, or the messages together more than [`MESSAGES_BYTES_MAX`](crate::limits::MESSAGES_BYTES_MAX) |
//! | 415 | another content type or encoding |
//! | 503 with `Retry-After` | no broker, a blocked one, no confirm in time, a refused or returned message, too many requests |
//!
//! `GET /healthz` answers 200 while the process serves, `GET /readyz` only while the stream can be written,
//! `GET /metrics` gives the [counters](Counters) in Prometheus' text format.

mod answer;
mod broker;
mod counters;
mod message;
mod refusal;
mod request;
mod routes;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use lapin::uri::AMQPUri;
use tokio::net::TcpListener;

pub use counters::Counters;
pub use refusal::Refusal;

use broker::Broker;

/// What the relay needs to know. No `Debug`: the URL may hold a password.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where RabbitMQ is.
    pub amqp: AMQPUri,
}

impl Config {
    /// Reads an address such as `amqp://user:password@host:5672/vhost`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, without repeating it: it may hold a password.
    pub fn parse_amqp(url: &str) -> anyhow::Result<AMQPUri> {
        url.parse().map_err(|reason| anyhow::anyhow!("not an AMQP URL (amqp://host:port/vhost): {reason}"))
    }
}

/// A relay that listens and has not begun to serve.
pub struct Relay {
    listener: TcpListener,
    amqp: AMQPUri,
    counters: Arc<Counters>,
}

impl Relay {
    /// Takes the address. RabbitMQ need not be there.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(config: Config) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        Ok(Self { listener, amqp: config.amqp, counters: Arc::default() })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// The operating system does not know.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What it counts, shared with the running relay.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves until `shutdown` is done and the requests in flight are answered.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let (broker, connecting) = Broker::start(self.amqp);
        let serving = axum::serve(self.listener, routes::router(broker, self.counters));
        let outcome = serving.with_graceful_shutdown(shutdown).await;
        connecting.abort();
        outcome.context("the listener failed")
    }
}
