//! The daemon that says which order is stuck, where and why, before the customer does.
//!
//! Data flows one way, and no step asks an earlier one:
//!
//! 1. [`ingest`]: bytes from OTLP/HTTP, OTLP/gRPC or the RabbitMQ stream, each as a [`Delivery`] with a receipt;
//! 2. [`owner`]: one task owns the engine, decodes in place, observes, looks, and
//! 3. [`store`]: writes what changed in one transaction together with the offsets read; then the receipts are given;
//! 4. [`alert`]: sends to Alertmanager what the store says stands;
//! 5. [`api`]: reads the store.
//!
//! Beside it stand [`replay`]: recorded spans through the same engine, with a report at the end, and [`draw`]: the flow
//! of a definition as a picture.
//!
//! # Emitted
//! Metrics on `/metrics`: see [`telemetry`]. Findings as log lines, as rows, and as alerts.
//!
//! # Features
//! None yet: the store is SQLite, embedded.

pub mod alert;
pub mod api;
pub mod config;
mod delivery;
pub mod draw;
pub mod ingest;
pub mod limits;
pub mod owner;
pub mod replay;
pub mod run;
pub mod store;
pub mod story;
pub mod telemetry;

pub use delivery::{Delivery, Encoding, Outcome, Receipt};

/// The journey definition that ships: the five paths through SHOP_API, CRM_API and MES_API.
pub const SHIPPED_DEFINITION: &str = include_str!("../journeys.yaml");
