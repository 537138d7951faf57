//! Scenarios against axum and tonic, each seen through in-memory exporters.

mod calls;
mod connections;
mod edges;
mod endings;
mod headers;
mod metrics;
mod named_cases;
mod streams;
mod support;
mod timeouts;
mod wire;
