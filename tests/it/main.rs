//! The integration tests of the workspace: one binary, real parts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod amqp;
mod analyzer;
mod http;
mod relay;
mod sdk;
mod spans;
mod sqlx_shapes;
mod tidy;
