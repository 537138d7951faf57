//! Tests.

mod amqp;
mod analyzer;
mod relay;
mod sdk;
mod spans;
mod sqlx_shapes;
