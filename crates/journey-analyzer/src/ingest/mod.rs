//! The sources: each hands over [`Delivery`](crate::Delivery)s and is told when they are durable.

pub mod otlp_grpc;
pub mod otlp_http;
pub mod stream;
