//! What the benches share, and their cases.
//!
//! A case is one operation, set up as a service would set it up. Each runs in a child process of its own, because a
//! process has one tracer provider and one tracing subscriber; `cargo xtask bench` drives the children in turn and
//! compares them.
//!
//! * [`server`]: what does a server layer cost a request?
//! * [`client`]: what does a client middleware cost a call?
//! * [`export`]: what does a span cost the exporter's thread?
//! * [`sqlx`]: what does a call to PostgreSQL cost the client?
//! * [`amqp`]: what does a message cost the client?
//! * [`decode`]: what does it cost to read a body?
//! * [`engine`]: what does a signal cost the analyzer?
//! * [`answers`]: what does each server layer get right?

#[path = "amqp.rs"]
pub mod amqp;
#[path = "answers.rs"]
pub mod answers;
#[path = "client.rs"]
pub mod client;
#[path = "decode.rs"]
pub mod decode;
#[path = "engine.rs"]
pub mod engine;
#[path = "export.rs"]
pub mod export;
#[path = "server.rs"]
pub mod server;
#[path = "sqlx.rs"]
pub mod sqlx;

#[path = "support/bare.rs"]
mod bare;
#[path = "support/case.rs"]
pub mod case;
#[path = "support/child.rs"]
pub mod child;
#[path = "support/needed.rs"]
mod needed;
#[path = "support/older_peers.rs"]
mod older_peers;
#[path = "support/orders.rs"]
mod orders;
#[path = "support/ours.rs"]
mod ours;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/script.rs"]
mod script;
#[path = "support/shop.rs"]
mod shop;
#[path = "support/sink.rs"]
mod sink;
#[path = "support/told.rs"]
mod told;
