//! Scenarios against axum, each seen through an in-memory exporter.

mod edges;
mod endings;
mod named_cases;
mod support;
mod wire;
